"""An event store for development and small clinics: the EventStoreDB protocol over SQLite."""

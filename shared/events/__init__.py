"""The contracts: every event of every service, declared once. pydantic only."""

"""The gateway: one Envoy configuration, rendered from the services' route tables."""

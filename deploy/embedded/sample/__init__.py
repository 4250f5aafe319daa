"""Two sample clinics, loaded as their people and machines would do it: through the gateway only."""

"""The pure heart: deciders, projections, automations. Standard library only."""

"""How Vetwire is run: embedded on one machine, by compose, on Kubernetes."""

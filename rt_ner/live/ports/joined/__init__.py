"""Several sources behind the one port for spikes: each with a port of its own."""

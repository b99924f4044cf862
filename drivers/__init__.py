"""Every source of spikes: replayed sessions, the simulated array, and (later) hardware."""

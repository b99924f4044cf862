"""Compare the simulated subject with published results and with recordings."""

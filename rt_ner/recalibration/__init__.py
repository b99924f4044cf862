"""A better readout from use in the loop: blocks, intended movement, refits. NumPy only."""

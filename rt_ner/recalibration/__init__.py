"""Better readouts from closed-loop use: blocks, intended movement, refits. NumPy only."""

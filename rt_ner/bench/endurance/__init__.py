"""Long and hard runs: floods, soaks, faults and recovery."""

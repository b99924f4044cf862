"""Write NWB files that any program can read while they grow."""

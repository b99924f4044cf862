"""Faults of the input: corrupt counts, and measure the R² that a decoder keeps."""

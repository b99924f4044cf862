"""Faults of the input: corrupt counts with them, and measure what a decoder keeps."""

"""Faults of an array's input, found in its counts."""

"""Faults of the input: their names, and what their severities mean."""

"""Measure what recalibration gains in the loop on another day, in one process."""

"""Measure what recalibration brings in the loop on another day, in one process."""

"""Markers and codes of other programs' tasks, and the trials that they mean."""

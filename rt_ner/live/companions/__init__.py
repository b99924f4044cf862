"""Companions of a running decoder: its live window, its recorder, and its next bundle."""

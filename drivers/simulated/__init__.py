"""Simulate recorded sessions, and a subject who closes the loop."""

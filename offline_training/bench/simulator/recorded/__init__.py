"""Simulate a session like a recorded closed loop, and compare both."""

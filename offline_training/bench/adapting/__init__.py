"""Recalibration beside a running decoder: its time, and the deadlines that are missed meanwhile."""

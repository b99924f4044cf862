"""Kernels: functions that are compiled once and kept for the next start."""

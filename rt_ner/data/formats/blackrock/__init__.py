"""Blackrock files: NEV spikes and NSx signals."""

"""Blackrock files: spikes, voltage and analog movement."""

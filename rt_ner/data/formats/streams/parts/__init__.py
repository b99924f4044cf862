"""Spikes, movement and markers of single streams."""

"""Spikes and movement of single streams of an XDF file."""

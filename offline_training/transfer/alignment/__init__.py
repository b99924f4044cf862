"""Alignment of the known days' decoder to another day."""

"""Alignment of known days' decoder to another day."""

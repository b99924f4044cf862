"""Entries of a manifest with numbers per channel."""

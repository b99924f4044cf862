"""Trials that a file states: in a table, or by markers; their outcomes and directions."""

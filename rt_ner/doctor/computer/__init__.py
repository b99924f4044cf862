"""Propose what a rig can do about its own computer, do it, and undo it."""

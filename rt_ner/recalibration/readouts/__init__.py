"""Readouts from use in the loop: refitted to a block, or adapted a little at a time."""

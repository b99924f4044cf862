"""Readouts from closed-loop use: refitted to a block, or adapted a little at a time."""

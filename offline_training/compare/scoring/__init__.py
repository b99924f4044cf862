"""Scores of every method: velocity, position, direction, across sessions."""

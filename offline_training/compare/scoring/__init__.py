"""Scores of every method: velocity, position and direction, within and across recordings."""

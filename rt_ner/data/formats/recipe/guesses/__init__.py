"""Guess which arrays of a file are spikes, behaviour, times and trials."""

"""Whole sessions without a stream: labels, datasets, decoding and scores. NumPy only."""

"""The comparison: every method on the same recordings, split, input, readouts and scores."""

"""Comparison of methods on the same recordings, with the same split, input and scores."""

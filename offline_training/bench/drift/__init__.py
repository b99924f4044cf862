"""Measurement of the running normalisation on sessions whose channels drift."""

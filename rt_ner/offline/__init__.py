"""Decode and score whole sessions without a stream, with NumPy alone."""

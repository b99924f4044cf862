"""Results out: the streams that the decoder publishes."""

"""Other real-time pipelines, to be timed beside the decoder."""

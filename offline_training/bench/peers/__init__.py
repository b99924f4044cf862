"""Other real-time pipelines with the decoder's job, timed beside the decoder."""

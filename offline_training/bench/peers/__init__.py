"""Other real-time pipelines with the decoder's job, timed in turns with the decoder."""

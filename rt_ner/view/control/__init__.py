"""Act for the operator: commands to the decoder, and recordings."""

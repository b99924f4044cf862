"""The latency laboratory: the decoder beside bare LSL and its peers."""

"""Measure the decoder's latency, robustness and load, on real streams and processes."""

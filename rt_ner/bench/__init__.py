"""Benchmarks: what the decoder promises, measured on real streams between real processes."""

"""Measure the latency from spike to velocity, beside bare LSL and other software."""

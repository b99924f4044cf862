"""Measure the latency from spike to velocity, compared with bare LSL and other software."""

"""Measure what the doctor judges: computer, network, streams, timing, channels."""

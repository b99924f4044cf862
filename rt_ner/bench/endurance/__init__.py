"""Measure long and hard runs: floods, soaks, faults, growing loads, a view beside the decoder."""

"""Compiled kernels of the reference and of spike-band power."""

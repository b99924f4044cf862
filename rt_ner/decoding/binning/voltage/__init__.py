"""Broadband voltage: its band-pass, its reference across a bank, and its spike-band power."""

"""Measurement of spike-band power beside threshold crossings, under each reference."""

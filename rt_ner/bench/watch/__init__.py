"""Measurement of the watch over the channels, on recorded counts to which faults are added."""

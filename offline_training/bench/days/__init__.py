"""Measure a decoder over many days of use without any calibration."""

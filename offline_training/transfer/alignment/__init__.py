"""Alignment of a source day's decoder to a target day: match units, stitch encoders."""

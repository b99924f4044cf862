"""The compiled loops that time samples."""

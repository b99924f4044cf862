"""NWB files, read and written."""

"""MATLAB files: trial tables and plain arrays."""

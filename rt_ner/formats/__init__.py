"""Formats: the files of others, each read to a `Recording`. Their libraries are an extra."""

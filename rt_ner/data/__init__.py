"""Recorded data: sessions, the files that hold them, and the array's channel map."""

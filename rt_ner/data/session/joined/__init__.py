"""Several areas, or several files, as one session."""

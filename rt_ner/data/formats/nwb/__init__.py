"""NWB files: Neurodata Without Borders, as DANDI stores reaching."""

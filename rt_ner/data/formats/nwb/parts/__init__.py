"""Parts of an NWB file: units, movement and trials."""

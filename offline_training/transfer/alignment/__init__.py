"""A known day aligned to a new one: units matched, encoders stitched."""

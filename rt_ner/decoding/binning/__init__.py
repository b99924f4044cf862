"""Chunks of spikes into bins, one binner per form: raster, events, broadband."""

"""Chunks of spikes into velocity by bins, window, encoder and readout, without any I/O."""

"""Chunks of spikes into outputs by bins, window, encoder and readout, without any I/O."""

"""From chunks of spikes to velocity: bins, window, encoder, readout. No input or output."""

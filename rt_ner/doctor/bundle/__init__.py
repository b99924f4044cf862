"""Check a bundle: that it loads, fits the spikes, is fast enough, and decodes them."""

"""Which channels of a stream count for which channels of a bundle."""

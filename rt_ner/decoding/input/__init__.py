"""The spike stream to decode: its settings, its shape, and its channels in a bundle's order."""

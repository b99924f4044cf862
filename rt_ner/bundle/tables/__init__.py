"""Tables of what a bundle holds."""

"""A Blackrock device, read from its own packets."""

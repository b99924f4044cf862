"""The spike stream in use, and a watch for others on the network."""

"""The pinned stream of spikes, and a watch on the network around it."""

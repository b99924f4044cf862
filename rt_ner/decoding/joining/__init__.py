"""Several sources of spikes, one for each area, joined hop by hop into a bundle's channels."""

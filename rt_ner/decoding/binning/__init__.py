"""Binning: chunks of spikes into hops of counts, by one binner for each form of spikes."""

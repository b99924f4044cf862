"""Watch over the channels, tried on recorded counts with faults put into them."""

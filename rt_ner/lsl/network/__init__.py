"""See who is on the network: one search, those who look out for streams, and our own names."""

"""Put together the page: one part per session, and the history of the animal."""

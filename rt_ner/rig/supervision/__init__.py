"""Running parts: started in order, restarted, taken over, and ended whole."""

"""Joint training: several sessions, a head each, and one trunk."""

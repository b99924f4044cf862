"""Draw targets, and step through trials."""

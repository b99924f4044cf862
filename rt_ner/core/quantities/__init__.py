"""Physical quantities and their units."""

"""Play recorded sessions as live streams."""

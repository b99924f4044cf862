"""Tables of what was scored offline."""

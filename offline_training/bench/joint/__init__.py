"""Joint training of several sessions against one training each, and the head of a new day."""

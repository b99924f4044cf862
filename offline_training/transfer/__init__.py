"""A decoder carried from one day to the next."""

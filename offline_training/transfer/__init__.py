"""Transfer of a decoder from one day to another with few labels."""

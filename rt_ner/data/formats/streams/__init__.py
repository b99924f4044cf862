"""Streams of a recording, of any format, as the live decoder would have seen them."""

"""Send samples at once, and keep a slow client from holding up the sender."""

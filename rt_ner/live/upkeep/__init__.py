"""What keeps the loop fast and accountable: warm caches, swaps, statistics."""

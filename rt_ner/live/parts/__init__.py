"""The parts that the loop joins: connection, publisher, warm caches, swaps, statistics."""

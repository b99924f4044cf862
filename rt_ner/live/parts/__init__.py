"""The parts that the loop joins: connection, publisher, cache warming, swaps, statistics."""

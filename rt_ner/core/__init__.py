"""Time, arrays, errors, settings and the stream contract: what everything else stands on."""

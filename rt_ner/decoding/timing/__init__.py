"""Place the samples of a regular stream in time, whatever its stamps are like."""

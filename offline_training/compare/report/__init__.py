"""Tables and figures of a comparison, and the files that they are written to."""

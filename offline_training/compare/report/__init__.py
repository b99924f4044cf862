"""Tables and figures of a comparison."""

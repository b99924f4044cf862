"""Guards against files that are damaged, hostile, or not what they seem."""

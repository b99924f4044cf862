"""File formats: one reader each, imported only when such a file is read."""

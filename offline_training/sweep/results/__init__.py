"""Results on disk: the folder of a sweep, and the tables collected from it."""

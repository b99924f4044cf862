"""Classes of a session: a name for each hop, and the scores of a classifier against them."""

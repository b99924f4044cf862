"""Trials held out of training: the split of a session, and a decoder scored on them."""

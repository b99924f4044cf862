"""Peers: the decoder's job done the usual ways, each as its own documentation recommends."""

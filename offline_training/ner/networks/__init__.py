"""The encoder as a network, and the steps by which it learns."""

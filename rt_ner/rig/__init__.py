"""The rig in one file: start all parts of a session in order, watch them and end them."""

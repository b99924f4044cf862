"""Tables, figure and bundle of a transfer."""

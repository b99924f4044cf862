"""Tables, figures and bundles of a transfer."""

"""All that can be found wrong with a rig before anything starts."""

"""Sum up what several bundles keep under faults of the input."""

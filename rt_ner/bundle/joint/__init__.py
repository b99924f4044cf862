"""Joint bundles: one bundle per day of a series, whose encoders share a trunk."""

"""A store of bundles: kept by content, with names for those in use."""

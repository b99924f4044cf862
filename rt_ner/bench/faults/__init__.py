"""Summary of the R² that several bundles keep under faults of the input."""

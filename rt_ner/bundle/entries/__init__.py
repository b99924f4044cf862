"""Parts of a manifest."""

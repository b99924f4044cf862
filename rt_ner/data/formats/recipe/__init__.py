"""Read files by a recipe, which says where a session stands in them."""

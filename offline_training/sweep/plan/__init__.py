"""The plan: which fits a sweep consists of, by number, without listing them."""

"""The movement that a subject in the loop intended: by a model of reaching, or by ReFIT."""

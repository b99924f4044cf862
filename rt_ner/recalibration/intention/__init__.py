"""The movement that a subject in the loop intended, whatever was decoded."""

"""The trainer: sessions in, a model bundle out."""

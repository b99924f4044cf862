"""Turn probabilities into clicks, and read them from the decoder or the hand."""

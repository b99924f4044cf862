"""The rules of the loop, pure and without a clock of their own."""

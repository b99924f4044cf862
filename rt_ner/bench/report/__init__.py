"""Run all measurements of the decoder, and write one page of what was measured."""

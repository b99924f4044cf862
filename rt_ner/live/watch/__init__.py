"""Watch over the channels: find what breaks the decoder's input, and say so."""

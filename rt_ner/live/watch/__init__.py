"""Watch over the channels while decoding: find faults of the input, and report them."""

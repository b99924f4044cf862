"""The basis of everything else: time, arrays, errors, settings and the stream contract."""

"""NWB files that grow while a session is recorded, one time series per LSL stream."""

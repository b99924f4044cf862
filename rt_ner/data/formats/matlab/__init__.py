"""MATLAB files: TrialData, and arrays in the reach layout."""

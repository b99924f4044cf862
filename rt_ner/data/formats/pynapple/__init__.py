"""Sessions from and to the objects of pynapple, where that package is installed."""

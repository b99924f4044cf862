"""Net bit rate of a simulated subject that chooses the cells of a grid by clicks."""

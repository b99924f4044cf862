"""The live decoder: connection, states, safety, publishing and the operator's controls."""

"""The demo: the whole pipeline in separate processes, scored by an ordinary LSL client."""

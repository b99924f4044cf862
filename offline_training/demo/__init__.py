"""The demo: all parts as processes of their own, watched by an ordinary LSL client."""

"""The sections on what was said, and on what happened to the rig."""

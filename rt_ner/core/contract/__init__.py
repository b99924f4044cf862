"""The contract between the rig's programs: stream kinds, trial markers and input counts."""

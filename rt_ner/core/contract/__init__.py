"""The contract between the rig's programs: kinds of streams, trial markers, input counts."""

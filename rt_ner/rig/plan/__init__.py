"""The parts of a rig and the steps of a day, as commands with what each needs."""

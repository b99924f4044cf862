"""The sessions of a training, and the processes that share them and learn as one."""

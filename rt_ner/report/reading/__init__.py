"""Read from a recording what happened in it: decoder, task, electrodes and messages."""

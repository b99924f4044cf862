"""View: what experimenter and subject look at; an LSL client, in a process of its own."""

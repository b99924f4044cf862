"""Task: cursor, targets and trials for a subject in the loop; an LSL client of the decoder's."""

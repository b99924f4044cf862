"""Watch the computer itself: the moments in which it ran nothing of ours, and late wake-ups."""

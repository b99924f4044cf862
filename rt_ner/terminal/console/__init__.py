"""The terminal of a command, which may be missing or limited, and the lines that end it."""

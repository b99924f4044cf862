"""One reader per file format; nothing here unpickles or executes what it reads."""

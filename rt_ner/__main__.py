"""``python -m rt_ner``: the command line, also where the script is not on the path."""

from rt_ner.cli import main

main()

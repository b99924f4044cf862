"""Run the command line as ``python -m rt_ner``, in case the script is not on the path."""

from rt_ner.cli import main

main()

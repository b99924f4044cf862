"""Name computers, and the decoder of each."""

import re
import socket


def is_same_host(name: str, other: str) -> bool:
    """Return True if two host names are one computer's: equal, but for a domain that one lacks.

    A computer may be ``amp`` today, and ``amp.lan`` once it has a new address.
    """
    short, other_short = name.partition(".")[0], other.partition(".")[0]
    return name == other or (short == other_short and other_short in (name, other))


def decoder_name() -> str:
    """Return the name of this computer's decoder, such as ``rt-ner@rig1``.

    Two rigs on one network have two names, so that no client takes one for the other. The domain is
    left out, for it may change with the address.
    """
    host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().partition(".")[0])
    return f"rt-ner@{host or 'localhost'}"

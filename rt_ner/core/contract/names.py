"""Name computers, decoders and electrodes, and read lists of names."""

import re
import socket


def is_same_host(name: str, other: str) -> bool:
    """Return True if two host names are one computer's: equal, but for a domain that one lacks.

    A computer may be ``amp`` today, and ``amp.lan`` once it has a new address.
    """
    short, other_short = name.partition(".")[0], other.partition(".")[0]
    return name == other or (short == other_short and other_short in (name, other))


def electrode_names(n_electrodes: int) -> tuple[str, ...]:
    """Return the names of electrodes that are only numbered, from ``elec001`` on."""
    return tuple(f"elec{number + 1:03d}" for number in range(n_electrodes))


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def decoder_name() -> str:
    """Return the name of this computer's decoder, such as ``rt-ner@rig1``.

    Two rigs on one network have two names, so that no client takes one for the other. The domain is
    left out, for it may change with the address.
    """
    host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().partition(".")[0])
    return f"rt-ner@{host or 'localhost'}"

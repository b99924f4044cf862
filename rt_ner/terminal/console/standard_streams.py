"""Make the standard streams safe to write to, whatever terminal, file or pipe they lead to."""

import codecs
import os
import sys
import unicodedata
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

_SIMILAR = "rt-ner-similar"
_INSTEAD = str.maketrans({"µ": "u", "→": "->", "–": "-", "×": "x", "±": "+-", "·": "*", "−": "-"})


def secure_streams() -> None:
    """Open those of the streams that are closed, and let none fail for a letter it lacks."""
    _open_closed()
    codecs.register_error(_SIMILAR, _similar)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_SIMILAR)


def flush_stdout() -> None:
    """Write what waits; OSError, with a name, if the reader or the space is gone."""
    try:
        sys.stdout.flush()
    except OSError as error:
        abandon(sys.stdout)
        raise OSError(error.errno, error.strerror, "stdout") from error


def abandon(stream: TextIO) -> None:
    """Throw away what could not be written, which Python would try to write again at its exit."""
    with suppress(OSError, ValueError), open(os.devnull, "wb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), stream.fileno())


def _open_closed() -> None:
    """Open streams that are closed, because the next file to be opened would take their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _similar(error: UnicodeError) -> tuple[str, int]:
    """Return letters that every terminal has in place of some that this one lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_INSTEAD)
    plain = (unicodedata.normalize("NFKD", letter) for letter in text)
    return "".join(letter if letter.isascii() else "?" for letter in plain), error.end

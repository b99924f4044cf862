"""Make the standard streams safe to write to, whatever terminal, file or pipe they lead to."""

import codecs
import errno
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Any, TextIO, cast

_SIMILAR = "rt-ner-similar"
# The disk is full, used up, or gone.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_INSTEAD = str.maketrans({"µ": "u", "→": "->", "–": "-", "×": "x", "±": "+-", "·": "*", "−": "-"})


def secure_streams() -> None:
    """Open those of the streams that are closed, and let none fail for a letter it lacks.

    What can't be said on stderr because the disk of its file is full is left out: a message must
    not end a session.
    """
    _open_closed()
    codecs.register_error(_SIMILAR, _similar)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_SIMILAR)
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = cast(TextIO, _Patient(sys.stderr))


class _Patient:
    """A stream that leaves out what there is no room for; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, if there is room."""
        with _room_or_not():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what waits, if there is room."""
        with _room_or_not():
            self._stream.flush()


@contextmanager
def _room_or_not() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise


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

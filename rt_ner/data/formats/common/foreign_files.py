"""Guard the calls of libraries that read other programs' files."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rt_ner.core.errors import SessionError

# Some libraries put the whole structure of a file into one message.
_LONGEST_MESSAGE = 200


@contextmanager
def foreign_file(kind: str, remedy: str = "") -> Iterator[None]:
    """Silence the warnings of a library and turn its errors into one-line SessionErrors.

    On a damaged file, libraries and NumPy raise almost anything.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SessionError:
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0][:_LONGEST_MESSAGE]
        raise SessionError(
            f"not a usable {kind}: {type(error).__name__}: {first}{remedy}"
        ) from error

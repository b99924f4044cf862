"""Guard the calls of libraries that read other programs' files, and say what such files hold."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rt_ner.core.errors import SessionError

# Some libraries put the whole structure of a file into one message.
_LONGEST_MESSAGE = 200
# A file may hold thousands of arrays: so many are named.
_SOME = 12


_IN_MATLAB = {
    "table": "table2struct",
    "timetable": "timetable2table and table2struct",
    "string": "char or cellstr",
    "categorical": "cellstr",
    "datetime": "posixtime",
    "duration": "seconds",
}


@dataclass(frozen=True)
class MatlabObject:
    """Stands for an object of a MATLAB class, such as a table, which only MATLAB reads."""

    kind: str

    def __str__(self) -> str:
        remedy = _IN_MATLAB.get(self.kind, "struct, or make plain arrays of it")
        return f"a MATLAB {self.kind}, which only MATLAB reads: convert it there with {remedy}"


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


def described(content: Mapping[str, Any], depth: int = 2) -> str:
    """Return the names of arrays with their shapes, and of structs with their fields, as text."""
    names = [name for name in content if not name.startswith("__")]
    texts = []
    for name in names[:_SOME]:
        value = content[name]
        if isinstance(value, MatlabObject):
            texts.append(f"{name} ({value})")
        elif isinstance(value, Mapping):
            fields = f" ({described(value, depth - 1)})" if depth > 1 else ""
            texts.append(f"{name}{fields}")
        elif shape := np.shape(value) if not isinstance(value, list | str) else ():
            texts.append(f"{name} {'×'.join(map(str, shape))}")
        else:
            texts.append(name)
    more = f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
    return ", ".join(texts) + more if texts else "nothing"

"""Provide the bench commands with a folder, and show their results."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rt_ner.core.errors import ConfigError
from rt_ner.lsl.streams import quiet_liblsl
from rt_ner.terminal.options import print_json


@contextmanager
def bench_folder() -> Iterator[tuple[Path, Console]]:
    """Return a folder for logs that goes at the end, and a console for progress."""
    if sys.platform == "win32":
        raise ConfigError("rt-ner bench needs Linux or macOS, because it kills and stops processes")
    quiet_liblsl()
    with tempfile.TemporaryDirectory(prefix="rt-ner-bench-") as folder:
        yield Path(folder), Console(stderr=True, highlight=False, markup=False)


def show(title: str, summary: Mapping[str, object], rows: Mapping[str, str], as_json: bool) -> None:
    """Print a measurement as one JSON object or as a table."""
    if as_json:
        print_json(summary)
        return
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in rows.items():
        table.add_row(name, value)
    Console(highlight=False, markup=False).print(table)

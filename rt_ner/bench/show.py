"""What the bench commands share: a folder for a measurement, and how its figures are shown."""

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
    """A folder for logs, and where progress is told."""
    if sys.platform == "win32":
        raise ConfigError("benchmarks need Linux or macOS: they kill and stop processes")
    quiet_liblsl()
    with tempfile.TemporaryDirectory(prefix="rt-ner-bench-") as folder:
        yield Path(folder), Console(stderr=True, highlight=False, markup=False)


def show(title: str, summary: Mapping[str, object], rows: Mapping[str, str], as_json: bool) -> None:
    """Print a measurement: one JSON object, or a table."""
    if as_json:
        print_json(summary)
        return
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in rows.items():
        table.add_row(name, value)
    Console(highlight=False, markup=False).print(table)

"""Console: how commands print tables and answer on the terminal."""

from rich.table import Table


def table_of(title: str) -> Table:
    return Table(title=title, title_justify="left", show_header=False)

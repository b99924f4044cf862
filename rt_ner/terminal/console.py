"""Print the tables of commands."""

from rich.table import Table


def table_of(title: str) -> Table:
    """Return a table with a title and no header, for rows of a name and a value."""
    return Table(title=title, title_justify="left", show_header=False)

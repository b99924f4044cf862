"""Offer commands in panels, and import only the one that is called."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from rt_ner.core.errors import RtNerError
from rt_ner.terminal.console.failures import failure_line, is_missing_lsl

_DISTRIBUTION = "rt-ner"
_FOREIGN_PANEL = "More"


class LazyGroup(TyperGroup):
    """Commands, most of them from entry points; those of other packages can't replace ours.

    ``panels`` holds the summaries of ours, so that help is shown without importing them.
    """

    # Click's own classes are private in newer releases of Typer: hence Any for them.
    entry_group: ClassVar[str]
    panels: ClassVar[Mapping[str, Mapping[str, str]]]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return our own commands, in the panels' order, then those of other packages."""
        known = [name for panel in self.panels.values() for name in panel]
        foreign = [name for name in sorted(self._offered) if name not in known]
        return [*filter(self._is_there, known), *foreign]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return a command; one that can't be imported says so when it is called."""
        if (command := super().get_command(ctx, cmd_name)) is not None:
            return command
        entry = self._offered.get(cmd_name)
        return None if entry is None else _command_of(entry)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called, or suggest the nearest name."""
        if not self._is_there(args[0]):
            near = get_close_matches(args[0], self.list_commands(ctx))
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one line per command, grouped in panels, without options, to fit on one screen."""
        width = max(map(len, self.list_commands(ctx)), default=0)
        for title, rows in self._rows(ctx).items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), summary) for name, summary in rows])

    def _rows(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        rows = {
            title: [(name, summary) for name, summary in panel.items() if self._is_there(name)]
            for title, panel in self.panels.items()
        }
        known = {name for panel in self.panels.values() for name in panel}
        rows[_FOREIGN_PANEL] = [
            (name, self.get_command(ctx, name).get_short_help_str(60))
            for name in self.list_commands(ctx)
            if name not in known
        ]
        return {title: panel for title, panel in rows.items() if panel}

    def _is_there(self, name: str) -> bool:
        return name in self.commands or name in self._offered

    @cached_property
    def _offered(self) -> dict[str, EntryPoint]:
        entries = entry_points(group=self.entry_group)
        # A distribution's name is parsed from its metadata at each look, and every start looks.
        distributions = {entry.dist for entry in entries}
        ours = {dist for dist in distributions if dist and dist.name == _DISTRIBUTION}
        return {entry.name: entry for entry in sorted(entries, key=lambda it: it.dist in ours)}


def _command_of(entry: EntryPoint) -> Any:
    try:
        loaded = entry.load()
        if isinstance(loaded, typer.Typer):
            return typer.main.get_command(loaded)
        return _single(entry.name, loaded)
    except Exception as error:  # noqa: BLE001 - a broken package must not take the others down
        passed_on = {"ignore_unknown_options": True, "allow_extra_args": True}
        return _single(entry.name, _unavailable(entry, error), context_settings=passed_on)


def _single(name: str, function: Callable[..., Any], **settings: Any) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, **settings)(function)
    return typer.main.get_command(app)


def _unavailable(entry: EntryPoint, error: Exception) -> Callable[[typer.Context], None]:
    """Return a command that says why another one can't be imported, and the remedy."""
    package = entry.dist.name if entry.dist else entry.module.partition(".")[0]
    reason = f"{type(error).__name__}: {error}"
    remedy = f"update the package '{package}', which offers it, or uninstall it"
    missing = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if missing not in ("", entry.module.partition(".")[0]):
        remedy = f"install what it needs, e.g. pip install {missing}; or {remedy}"

    problem = f"the command '{entry.name}' can't be loaded ({reason}): {remedy}"
    if is_missing_lsl(error):
        problem = str(failure_line(error))

    def unavailable(_context: typer.Context) -> None:
        raise RtNerError(problem)

    unavailable.__doc__ = f"Not available: {reason}"
    return unavailable

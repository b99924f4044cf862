"""Write the session report when a recording is over, in a process of its own."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rt_ner.core.errors import RtNerError
from rt_ner.system.processes import ChildProcess

# An hour takes some seconds of an idle computer.
_LONGEST_S = 600.0


def write_report(
    recordings: Sequence[Path],
    out: Path,
    tell: Callable[[str], object],
    *options: str,
    in_background: bool,
) -> None:
    """Write the report of some recordings with `rt-ner report`, and wait until it is there.

    Parameters
    ----------
    recordings
        The recordings, which must be closed.
    out
        The page.
    tell
        Called with where the page is, or with the reason why there is none, and the remedy.
    *options
        Further options of the command.
    in_background
        True while a decoder may run on this computer: the process gives way to all others.

    """
    tell("writing the session report (Ctrl-C leaves it out)")
    arguments = ["report", *map(str, recordings), "--out", str(out), *options]
    try:
        with tempfile.TemporaryDirectory(prefix="rt-ner-report-") as logs:
            process = ChildProcess(
                arguments, Path(logs) / "report.log", in_background=in_background
            )
            try:
                process.finish(_LONGEST_S)
            finally:
                process.end()
    except (RtNerError, OSError) as error:
        tell(f"no session report: {error}; try again with rt-ner report {recordings[-1]}")
    except KeyboardInterrupt:
        tell(f"no session report: interrupted; write it with rt-ner report {recordings[-1]}")
    else:
        tell(f"session report: {out}")

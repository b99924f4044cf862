"""Run the decoder's live window, and obey its keys."""

import socket
import tempfile
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import with_overrides
from rt_ner.live.settings import DecodeSettings
from rt_ner.record.naming import RecordingName
from rt_ner.system.display import check_display
from rt_ner.system.processes import child_process, tell_if_it_fails


def obeying_view(settings: DecodeSettings) -> DecodeSettings:
    """Return settings that obey the view, under a name that nobody can guess."""
    check_display()
    if settings.control.source_id:
        raise ConfigError(
            f"--view obeys the view's keys, but source_id = '{settings.control.source_id}' in "
            "[control] (or --commands) names another stream: start rt-ner view by itself"
        )
    control = {"source_id": f"view-{uuid.uuid4().hex}/commands", "host": socket.gethostname()}
    return with_overrides(settings, {"control": control}, "command line")


@contextmanager
def view_of(
    bundle: Path,
    settings: DecodeSettings,
    record: Path | None,
    recording_name: RecordingName,
    alarms: deque[str],
) -> Iterator[None]:
    """Run the decoder's view within the block, in a process of its own; it may end before."""
    name = settings.control.source_id.rpartition("/")[0]
    arguments = ["view", str(bundle), "--decoder", settings.output.source, "--control-as", name]
    arguments += recording_name.options()
    arguments += [] if record is None else [f"--recordings={record}"]
    with (
        tempfile.TemporaryDirectory(prefix="rt-ner-view-") as folder,
        child_process(arguments, Path(folder)) as child,
        tell_if_it_fails(
            child,
            "the live window",
            f"decoding goes on; open another with rt-ner view --decoder {settings.output.source}",
            alarms.append,
        ),
    ):
        yield

"""Read a recording as a session: all that its report shows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.streams.opened import recorded_streams
from rt_ner.data.formats.streams.samples import RecordedStreams
from rt_ner.data.formats.streams.stream_info import decoder_provenance
from rt_ner.live.settings import DecodeSettings
from rt_ner.record.naming import RecordingName
from rt_ner.report.reading.electrodes import Electrodes, read_electrodes
from rt_ner.report.reading.loop.drift import read_drift
from rt_ner.report.reading.loop.stays import Stay, stays_of
from rt_ner.report.reading.loop.timing import LONGEST_APART_NS, Timing, read_timing
from rt_ner.report.reading.rig import RigHistory, read_rig
from rt_ner.report.reading.streams import ANY, Found, Wanted, find
from rt_ner.report.reading.task import Task, read_task

_PREFIX = "decoder_"


@dataclass(frozen=True)
class Message:
    """A notice of the decoder or a command of the operator; ``time_ns`` is None if not known."""

    time_ns: int | None
    by: str
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Session:
    """A recorded session. Times are in ns of its clock.

    Attributes
    ----------
    path
        The recording.
    name
        Its labels; None if its name has none.
    started_at
        Time of its start; None if the file does not say.
    begin_ns, end_ns
        Begin and end.
    about
        Description of the decoder, by name.
    settings
        The decoder's settings that differ from the defaults, by name.
    stays, timing, drift
        The decoder's states; its hops; and how far its running normalisation moved.
    electrodes
        The electrodes' firing, or a sentence on why it is not known.
    task
        The task; None if none was recorded.
    messages
        Notices and commands, in order of time.
    rig
        What happened to the parts of the rig.
    streams
        The streams of the recording, one line each.
    missing, damage
        One line each.

    """

    path: Path
    name: RecordingName | None
    started_at: datetime | None
    begin_ns: int
    end_ns: int
    about: Mapping[str, str]
    settings: Mapping[str, str]
    stays: list[Stay]
    timing: Timing | None
    drift: tuple[Int64Array, FloatArray]
    electrodes: Electrodes | str
    task: Task | None
    messages: list[Message]
    rig: RigHistory
    streams: tuple[str, ...]
    missing: tuple[str, ...]
    damage: tuple[str, ...]

    @property
    def length_s(self) -> float:
        """Length in s."""
        return (self.end_ns - self.begin_ns) / NS_PER_S

    @property
    def swaps_ns(self) -> list[int]:
        """Times at which another bundle began to decode."""
        return self.timing.swaps_ns if self.timing else []

    @property
    def title(self) -> str:
        """Labels of the recording, or the file's name."""
        if self.name is None:
            return self.path.name
        run = self.path.stem.partition("_run-")[2].partition("_")[0]
        return f"{self.name.subject}, {self.name.session}: {self.name.task}, run {int(run)}"


def read_session(path: Path, wanted: Wanted = ANY) -> Session:
    """Return what happened in a recording, with the decoder and the task that are wanted.

    Raises
    ------
    SessionError
        If the file can't be read, or holds no samples.

    """
    recorded = recorded_streams(path)
    if not any(info.n_samples for info in recorded.infos):
        raise SessionError(f"{path}: a recording without samples; was the source running?")
    try:
        return _session(path, recorded, find(recorded, wanted))
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from error


def _session(path: Path, recorded: RecordedStreams, found: Found) -> Session:
    begin_ns, end_ns = found.span_ns()
    timing = read_timing(found)
    task, apart = _task(found, timing, (begin_ns, end_ns))
    rig = read_rig(path, lambda times_ns: _on_session_clock(times_ns, timing, (begin_ns, end_ns)))
    of_decoder = [info for info in recorded.infos if info.source == found.decoder]
    about = {
        name.removeprefix(_PREFIX): text for name, text in decoder_provenance(of_decoder).items()
    }
    return Session(
        path=path,
        name=RecordingName.of_file(path),
        started_at=recorded.started_at,
        begin_ns=begin_ns,
        end_ns=end_ns,
        about=about,
        settings=_changed(about.pop("settings", "")),
        stays=stays_of(timing, found.texts(Kind.STATE), (begin_ns, end_ns)),
        timing=timing,
        drift=read_drift(found),
        electrodes=read_electrodes(found, (begin_ns, end_ns)),
        task=task,
        messages=_messages(found, timing, (begin_ns, end_ns)),
        rig=rig,
        streams=tuple(info.describe() for info in recorded.infos),
        missing=(*found.missing, *apart),
        damage=(*found.damage, *rig.damage),
    )


def _task(
    found: Found, timing: Timing | None, span_ns: tuple[int, int]
) -> tuple[Task | None, list[str]]:
    """Return the task, or no task and the reason: its times are not those of the decoder."""
    task = read_task(found, timing.swaps_ns if timing else ())
    trials = task.whole.trials if task else ()
    if trials and not any(_is_near(one.end_ns, *span_ns) for one in trials):
        return None, ["The task's times are not the decoder's: two clocks, or two rigs."]
    return task, []


def _messages(found: Found, timing: Timing | None, span_ns: tuple[int, int]) -> list[Message]:
    """Return notices and commands on the session's clock."""
    said = [("decoder", *one) for one in found.texts(Kind.NOTICES)]
    said += [("operator", *one) for one in found.texts(Kind.COMMANDS)]
    times_ns = _on_session_clock([time_ns for _, time_ns, _ in said], timing, span_ns)
    messages = [
        Message(time_ns, by, text) for time_ns, (by, _, text) in zip(times_ns, said, strict=True)
    ]
    return sorted(messages, key=lambda one: (one.time_ns is None, one.time_ns or 0))


def _on_session_clock(
    times_ns: Sequence[int], timing: Timing | None, span_ns: tuple[int, int]
) -> list[int | None]:
    """Return times on the session's clock; a faster simulated one differs from the computer's."""
    found: list[int | None] = []
    for time_ns in times_ns:
        if _is_near(time_ns, *span_ns):
            found.append(time_ns)
        elif timing and _is_near(time_ns, timing.pushed_ns[0], timing.pushed_ns[-1]):
            found.append(int(np.interp(time_ns, timing.pushed_ns, timing.hop_ns)))
        else:
            found.append(None)
    return found


def _is_near(time_ns: float, begin_ns: float, end_ns: float) -> bool:
    return bool(begin_ns - LONGEST_APART_NS <= time_ns <= end_ns + LONGEST_APART_NS)


def _changed(text: str) -> dict[str, str]:
    """Return the settings in a JSON text that differ from the defaults, by name."""
    try:
        settings = _flat(json.loads(text)) if text else {}
    except (ValueError, RecursionError):
        return {"settings": "not readable"}
    usual = _flat(json.loads(DecodeSettings().model_dump_json()))
    return {name: value for name, value in settings.items() if usual.get(name) != value}


def _flat(content: Any, name: str = "") -> dict[str, str]:
    if not isinstance(content, dict):
        return {name: json.dumps(content, ensure_ascii=False)}
    flat: dict[str, str] = {}
    for key, value in content.items():
        flat |= _flat(value, f"{name}.{key}" if name else str(key))
    return flat

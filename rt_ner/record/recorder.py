"""Record all streams of a session, and watch them while they are recorded."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import pylsl

from rt_ner.core.atomic_files import place_of
from rt_ner.core.errors import StreamError
from rt_ner.lsl.discovery import describe_stream
from rt_ner.lsl.network.search import POLL_S, StreamSearch
from rt_ner.record.engines.engine import Engine, RecorderLostError, Summary
from rt_ner.record.growth import GrowthWatch
from rt_ner.system.processes import tell_parent

_LOOK_S = 1.0
_GB = 1e9
_LITTLE_GB = 5.0
# With less free space, recording ends.
LEAST_FREE_GB = 0.5


class Recorder:
    """Records all streams that are visible at its start into a file that must not exist.

    ``engine`` writes the file; ``tell`` is called with what the operator should know.
    """

    def __init__(self, path: Path, engine: Engine, tell: Callable[[str], None]) -> None:
        self._path = path
        self._engine = engine
        self._tell = tell
        self._search = StreamSearch()
        self._recorded: dict[str, pylsl.StreamInfo] = {}
        self._gone: set[str] = set()
        self._strangers: set[str] = set()
        self._growth = GrowthWatch(engine, tell)
        self._is_low = False
        self._place: tuple[int, int] | None = None

    def wait_for(self, source_ids: Sequence[str], stop: Event) -> None:
        """Wait until these streams are visible, or until stopped."""
        missing = list(source_ids)
        while missing and not stop.is_set():
            seen = {info.source_id() for info in self._search.seen()}
            missing = [source_id for source_id in source_ids if source_id not in seen]
            stop.wait(POLL_S)

    def start(self) -> list[pylsl.StreamInfo]:
        """Start, and return the recorded streams; StreamError if there are none, or no room."""
        if (room_gb := free_gb(self._path.parent)) < LEAST_FREE_GB:
            raise StreamError(
                f"only {room_gb:.1f} GB are free on {self._path.parent}, and recording ends at "
                f"{LEAST_FREE_GB:g} GB: free space there, then start again"
            )
        # A new search, which shows none that has just ended.
        seen = StreamSearch().settled()
        if not seen:
            raise StreamError("no LSL stream is visible: start the sources before the recorder")
        self._recorded = {_identity(info): info for info in seen}
        self._engine.start(seen)
        return seen

    def watch(self, stop: Event) -> None:
        """Watch the recording until stopped, or until the disk is nearly full.

        Raises RecorderLostError if whatever writes it dies, or the file is not there any more.
        """
        self._growth.begin()
        while not stop.wait(_LOOK_S):
            self._engine.check()
            self._check_place()
            self._look_around()
            self._growth.check(
                info for identity, info in self._recorded.items() if identity not in self._gone
            )
            if self._disk_is_full():
                return

    def finish(self) -> Summary:
        """Stop recording, and return what the file holds."""
        try:
            summary = self._engine.finish()
        except OSError as error:
            return Summary({}, [f"all: {self._path} can't be read ({error})"])
        nothing = {str(info.name()): 0 for info in self._recorded.values()}
        return Summary(nothing | summary.samples, summary.damage)

    def _check_place(self) -> None:
        """Raise RecorderLostError if the file is not there any more, or is another one."""
        place = place_of(self._path)
        if self._place is not None and place != self._place:
            raise RecorderLostError(
                f"{self._path} is not there any more: its drive was pulled, or its folder moved. "
                "What was recorded is on the drive; put it back, and start another recording"
            )
        self._place = place

    def _disk_is_full(self) -> bool:
        """Return True if recording must end, and warn well before."""
        room_gb = free_gb(self._path.parent)
        if room_gb < LEAST_FREE_GB:
            self._tell(
                f"only {room_gb:.1f} GB are free on {self._path.parent}: recording ends, so that "
                f"{self._path.name} stays intact; free space before the next one"
            )
            return True
        if room_gb < _LITTLE_GB and not self._is_low:
            self._tell(
                f"only {room_gb:.1f} GB are free on {self._path.parent}: recording ends at "
                f"{LEAST_FREE_GB:g} GB"
            )
        self._is_low = room_gb < _LITTLE_GB
        return False

    def _look_around(self) -> None:
        """Report recorded streams that go or come back, and new streams."""
        visible = {_identity(info): info for info in self._search.seen()}
        for identity, info in self._recorded.items():
            if (identity not in visible) != (identity in self._gone):
                self._gone ^= {identity}
                is_gone = identity in self._gone
                news = "gone, will be recorded again when it is back" if is_gone else "back"
                tell_parent("gone" if is_gone else "back", source_id=info.source_id())
                self._tell(f"{news}: {describe_stream(info)}")
        for identity in visible.keys() - self._recorded.keys() - self._strangers:
            self._strangers.add(identity)
            news = "appeared after the start, not recorded"
            self._tell(f"{news}: {describe_stream(visible[identity])}")


def free_gb(folder: Path) -> float:
    """Return the free space on a folder's disk in GB; raise OSError if the folder is gone."""
    return shutil.disk_usage(folder).free / _GB


def _identity(info: pylsl.StreamInfo) -> str:
    """Return the id by which liblsl recognises a stream that comes back."""
    return str(info.source_id() or info.uid())

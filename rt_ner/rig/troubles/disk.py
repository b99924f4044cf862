"""Notice that the disk of the recordings is full, or gone."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rt_ner.core.atomic_files import place_of
from rt_ner.record.recorder import LEAST_FREE_GB, free_gb
from rt_ner.record.rig_events import Happened, Noticed

RECORDINGS = "recordings"


class DiskWatch:
    """The disk of a folder, from the first time on that the folder is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place: tuple[int, int] | None = None
        self._instead: tuple[int, int] | None = None
        self._is_gone = self._is_full = False

    def look(self) -> Iterator[Noticed]:
        """Yield what has changed."""
        place = place_of(self._folder)
        self._place = self._place or place
        if not self._is_gone and place != self._place:
            self._is_gone, self._instead = True, place
            yield (
                Happened.GONE,
                RECORDINGS,
                f"{self._folder} is gone: a drive was pulled, or the folder moved",
            )
        elif self._is_gone and place not in (None, self._instead):
            where = "" if place == self._place else ", but another one, without what was in it"
            self._is_gone, self._place = False, place
            yield Happened.BACK, RECORDINGS, f"{self._folder} is there again{where}"
        yield from self._look_for_room()

    def _look_for_room(self) -> Iterator[Noticed]:
        room_gb = None
        with suppress(OSError):
            room_gb = free_gb(self._folder)
        if room_gb is None or (room_gb < LEAST_FREE_GB) == self._is_full:
            return
        self._is_full = not self._is_full
        kind = Happened.FULL if self._is_full else Happened.BACK
        rest = ": recordings end" if self._is_full else ", enough to record"
        yield kind, RECORDINGS, f"{room_gb:.1f} GB are free on {self._folder}{rest}"

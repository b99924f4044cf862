"""Watch for troubles from threads of its own, while a plan runs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from threading import Event, Thread
from types import TracebackType

from rt_ner.core.errors import StreamError
from rt_ner.lsl.network.search import StreamSearch
from rt_ner.record.rig_events import Happened, Noticed
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.plan.part import Plan
from rt_ner.rig.plan.parts import hand_name
from rt_ner.rig.troubles.clock import STOOD_STILL_S, clock_troubles, moment
from rt_ner.rig.troubles.disk import DiskWatch
from rt_ner.rig.troubles.network import InterfaceWatch, StreamWatch
from rt_ner.rig.troubles.parts import FreezeWatch

_EVERY_S = 0.2


class TroubleWatch:
    """Notes what goes wrong while its block runs.

    Parameters
    ----------
    rig, plan
        The rig, and the plan that runs.
    pids
        Returns the process of each part that runs, by name.
    note
        Called with each event: its kind, whom it befell, and the event in words.

    """

    def __init__(
        self,
        rig: Rig,
        plan: Plan,
        pids: Callable[[], Mapping[str, int]],
        note: Callable[[Happened, str, str], object],
    ) -> None:
        self._pids = pids
        self._note = note
        self._over = Event()
        self._search = StreamSearch()
        self._freezes = FreezeWatch()
        self._disk = DiskWatch(rig.recordings)
        self._interfaces = InterfaceWatch()
        self._streams = StreamWatch(needed_by(plan), names_of(rig, plan))
        self._stood_still = Event()
        # Looking may take seconds: a stream that does not answer. The pulse must not.
        tasks = (self._look_around, self._feel_pulse)
        self._threads = [Thread(target=task, daemon=True) for task in tasks]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _look_around(self) -> None:
        self._search.settled(self._over.is_set)
        while not self._over.wait(_EVERY_S):
            if self._stood_still.is_set():
                # It has heard of no stream for so long that it takes all for gone.
                self._stood_still.clear()
                with suppress(StreamError):
                    self._search = StreamSearch()
                self._search.settled(self._over.is_set)
            for event in self._look():
                self._note(*event)

    def _feel_pulse(self) -> None:
        last = moment()
        while not self._over.wait(_EVERY_S):
            now = moment()
            paused_s = now.steady_s - last.steady_s
            if paused_s > STOOD_STILL_S:
                self._stood_still.set()
            for event in clock_troubles(last, now, paused_s):
                self._note(*event)
            last = now

    def _look(self) -> Iterator[Noticed]:
        return chain(
            self._freezes.look(self._pids()),
            self._interfaces.look(),
            self._disk.look(),
            self._streams.look(self._search.seen()),
        )


def needed_by(plan: Plan) -> set[str]:
    """Return the source_ids of the streams that a plan's parts need."""
    return {need for part in plan.parts for need in part.needs}


def names_of(rig: Rig, plan: Plan) -> set[str]:
    """Return the names of all streams that belong to a rig, whoever sends them."""
    settings = rig.settings
    given = (*settings.source.spikes, *plan.relayed)
    names = {
        settings.source.published_as,
        settings.decoder.published_as,
        settings.task.name,
        hand_name(rig),
        plan.commands,
        *(source_id.rpartition("/")[0] for source_id in given),
    }
    return names - {""}

"""Collect the newest data of decoder, source and task for the view."""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import DECODER_KINDS, TIMING_LABELS, Kind
from rt_ner.core.contract.markers import TrialEvent, parse_trial_marker
from rt_ner.live.observed.state import ObservedState
from rt_ner.lsl.discovery import StreamQuery, query_for
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.ring import Ring
from rt_ner.lsl.stream_reader import StreamReader
from rt_ner.task.cursor import Cursor
from rt_ner.view.signals.channels import Channels
from rt_ner.view.signals.reaches import Reaches

# Older data are shown greyed.
STALE_S = 0.2
# Number of rows kept: more than ten seconds of hops of 1 ms.
_ROWS = 12_000
_N_NOTICES = 50
# Streams of the decoder that are shown, of the task and of the source.
_NOT_SHOWN = (Kind.CLASSES, Kind.NORMALISATION)
_DECODERS = tuple(kind for kind in DECODER_KINDS if kind not in _NOT_SHOWN)
_TASKS = (Kind.CURSOR, Kind.TARGET, Kind.TASK)
_SOURCES = (Kind.KINEMATICS, Kind.MARKERS)
_STATE = TIMING_LABELS.index("state")


class Signals:
    """Data of all streams so far.

    ``poll`` takes what has come; everything else may be read between two polls. ``clock_s`` is
    the newest stamp of the velocity, the right edge of every plot over time. ``grid`` is the number
    of cells along each side of the task's grid and its size in cm; None without a grid.
    """

    def __init__(self, decoder: str, task: str) -> None:
        self.decoder_name = decoder
        queries: dict[Kind, Callable[[], StreamQuery | None]] = {
            **{kind: partial(query_for, decoder, kind) for kind in _DECODERS},
            **{kind: partial(query_for, task, kind) for kind in _TASKS},
            **{kind: partial(self._source_query, kind) for kind in _SOURCES},
        }
        self.readers = {kind: StreamReader(query) for kind, query in queries.items()}
        self.velocity = Ring(_ROWS, 2)
        self.true_velocity = Ring(_ROWS, 2)
        self.decoded, self.true = Cursor(_ROWS), Cursor(_ROWS)
        self.task_trail = Ring(_ROWS, 2)
        self.target: tuple[float, float, float] | None = None
        self.task_state = ""
        self.grid: tuple[int, float] | None = None
        self._reaches = Reaches()
        self.direction_deg = np.nan
        self.latents = Ring(_ROWS, 1)
        self.timing = Ring(_ROWS, len(TIMING_LABELS))
        self.channels = Channels(())
        self._state = ObservedState()
        self.notices: deque[str] = deque(maxlen=_N_NOTICES)
        self.clock_s = 0.0
        self._input_source = ""

    @property
    def state(self) -> str:
        """The decoder's state; empty while it is not connected."""
        return self._state.name

    @property
    def about(self) -> Mapping[str, str]:
        """The decoder's description of itself; empty while it is not connected."""
        return self.readers[Kind.STATE].about

    @property
    def output(self) -> Kind:
        """Kind of the stream of the decoder's outputs: velocity, unless it sends others."""
        return Kind.OUTPUT if self.readers[Kind.OUTPUT].is_connected else Kind.VELOCITY

    @property
    def has_task(self) -> bool:
        """True if a task moves the cursor; otherwise the view does."""
        return self.readers[Kind.CURSOR].is_connected

    @property
    def trail(self) -> Ring:
        """Trail of the task's cursor, or of the integrated decoded velocity."""
        return self.task_trail if self.has_task else self.decoded.trail

    def is_fresh(self, kind: Kind) -> bool:
        """Return True if the newest sample of a stream is recent."""
        return self.readers[kind].age_s() <= STALE_S

    def missing(self, kind: Kind) -> str:
        """Return the reason why a stream is missing; empty if it is connected."""
        reader = self.readers[kind]
        return "" if reader.is_connected else reader.problem or "looking for the decoder"

    def lookout(self) -> Lookout:
        """Start to look for the streams."""
        return Lookout(list(self.readers.values()))

    def centre(self) -> None:
        """Put the decoded and the true cursor back to the centre."""
        self.decoded.centre()
        self.true.centre()

    def poll(self) -> None:
        """Take everything that has come, without waiting."""
        self._poll_decoder()
        self._poll_source()
        self._poll_task()

    def _poll_decoder(self) -> None:
        for stamp_s, marker in self.readers[Kind.MARKERS].texts():
            self._take_marker(stamp_s, marker)
        stamps_s, velocity = self._in_cm(Kind.VELOCITY)
        self.take_velocity(stamps_s, velocity)
        self._take_outputs(*self._planes(Kind.OUTPUT))
        self.take_latents(*self.readers[Kind.LATENT].numbers())
        self.take_timing(*self.readers[Kind.TIMING].numbers())
        stamps_s, counts = self.readers[Kind.COUNTS].numbers()
        self._follow_input(self.readers[Kind.COUNTS])
        self.channels.take(stamps_s, counts)
        for stamp_s, state in self.readers[Kind.STATE].texts():
            self._state.take(stamp_s, state)
        if not self.readers[Kind.STATE].is_connected:
            self._state.forget()
        self.notices.extend(text for _, text in self.readers[Kind.NOTICES].texts())

    def _poll_source(self) -> None:
        stamps_s, velocity, position = self._planes(Kind.KINEMATICS)
        if velocity is not None:
            self.true_velocity.extend(stamps_s, velocity)
            self.true.move(stamps_s, velocity)
        elif position is not None:
            self.true.trail.extend(stamps_s, position)

    def _poll_task(self) -> None:
        self.task_trail.extend(*self._in_cm(Kind.CURSOR))
        self._follow_task(self.readers[Kind.TARGET].about)
        stamps_s, targets = self.readers[Kind.TARGET].numbers()
        if len(targets):
            self._reaches.take(stamps_s, targets, self.task_trail, self.channels.tuning)
            x, y, radius = targets[-1, :3].tolist()
            self.target = (x, y, radius) if radius > 0 else None
        for _, text in self.readers[Kind.TASK].texts():
            self.task_state = text
        if not self.has_task:
            self.target, self.task_state = None, ""

    def _follow_task(self, about: Mapping[str, str]) -> None:
        """Learn from the task's description of its targets if they are the cells of a grid."""
        try:
            self.grid = int(about["grid_side"]), float(about["workspace_cm"])
        except (KeyError, ValueError):
            self.grid = None

    def take_velocity(self, stamps_s: FloatArray, velocity_cm_s: FloatArray) -> None:
        """Take decoded velocities ``(sample, 2)``."""
        self.velocity.extend(stamps_s, velocity_cm_s)
        self.decoded.move(stamps_s, velocity_cm_s)
        if len(stamps_s):
            self.clock_s = float(stamps_s[-1])

    def _take_outputs(
        self, stamps_s: FloatArray, velocity: FloatArray | None, position: FloatArray | None
    ) -> None:
        """Take outputs as far as a plane can show them: a velocity, or else a position."""
        if velocity is not None:
            self.take_velocity(stamps_s, velocity)
        elif position is not None:
            self.decoded.trail.extend(stamps_s, position)
        if len(stamps_s):
            self.clock_s = float(stamps_s[-1])

    def take_latents(self, stamps_s: FloatArray, latents: FloatArray) -> None:
        """Take latents ``(sample, latent)``."""
        if not len(stamps_s):
            return
        if latents.shape[1] != self.latents.newest()[1].shape[1]:
            self.latents = Ring(_ROWS, latents.shape[1])
        known = np.isfinite(latents).all(axis=1)
        self.latents.extend(stamps_s[known], latents[known])

    def take_timing(self, stamps_s: FloatArray, timing: FloatArray) -> None:
        """Take rows of `TIMING_LABELS`; ignore those of another version of the decoder."""
        if timing.shape[1] != len(TIMING_LABELS) or not len(stamps_s):
            return
        self.timing.extend(stamps_s, timing)
        self._state.take_number(float(stamps_s[-1]), timing[-1, _STATE])

    def _take_marker(self, stamp_s: float, marker: str) -> None:
        """Take a trial marker of a replay."""
        trial_marker = parse_trial_marker(marker)
        if trial_marker is None:
            return
        if trial_marker.event is TrialEvent.START:
            self.decoded.start_at(stamp_s)
            self.true.start_at(stamp_s)
        else:
            # The end of a trial has no direction.
            self.direction_deg = trial_marker.direction_deg
            self.channels.tuning.end(stamp_s)
            self.channels.tuning.begin(stamp_s, trial_marker.direction_deg)

    def _follow_input(self, counts: StreamReader) -> None:
        """Learn the channels and the source from the decoder's description of its input."""
        if counts.info is None:
            return
        if counts.labels != self.channels.labels:
            self.channels = Channels(counts.labels)
        self._input_source = counts.about.get("input", "")

    def _source_query(self, kind: Kind) -> StreamQuery | None:
        """Return the query for another stream of the decoder's source."""
        # Of several sources, the first one sends the movement too, if any does.
        source, slash, _ = self._input_source.split(",")[0].rpartition("/")
        return query_for(source, kind) if slash else None

    def _planes(self, kind: Kind) -> tuple[FloatArray, FloatArray | None, FloatArray | None]:
        """Return stamps, and the stream's velocity and position in a plane, if it has them."""
        reader = self.readers[kind]
        stamps_s, values = reader.numbers()
        if not len(stamps_s):
            return stamps_s, None, None
        return stamps_s, reader.pair(values, True), reader.pair(values, False)

    def _in_cm(self, kind: Kind) -> tuple[FloatArray, FloatArray]:
        reader = self.readers[kind]
        stamps_s, values = reader.numbers()
        if not len(stamps_s):
            return stamps_s, np.zeros((0, 2))
        return stamps_s, values[:, :2] * reader.cm_per_unit

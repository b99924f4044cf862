"""A session: spikes, behaviour and trials of one area, immutable and on one clock."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import FEWEST_TRAINING_TRIALS, UNCUT, Trials, blocks_of
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings

if TYPE_CHECKING:
    from rt_ner.data.formats.pynapple.objects import PynappleObjects


@dataclass(frozen=True)
class SessionPart:
    """One recording of a session that was joined from several: its name, spikes and trials."""

    name: str
    spikes_sha256: str
    n_trials: int


@dataclass(frozen=True, eq=False)
class Session:
    """A recorded or simulated session: spikes, behaviour and trials.

    Time is in integer ns since the session's start. A channel is one input of the decoder: an
    electrode with its units pooled, or one sorted unit.

    Parameters
    ----------
    name : str
        Name of the session.
    area : str
        Brain area that was recorded, ``"M1"`` for example.
    channel_ids : tuple of str, length n_channels
        Name of each channel, all different.
    spikes : SpikeTimes or SpikeCounts
        Spikes of all channels.
    behaviour : Behaviour
        What is to be decoded, such as the velocity of the hand or cursor.
    trials : Trials, optional
        Reaches in recorded order, at least one. Default: none, and the recording is cut into
        blocks from the first sample of behaviour to the last, as far as there are spikes.
    provenance : mapping of str to str, optional
        Origin of the session: its file and layout, or the settings of its simulation.
    voltage : VoltageSettings, optional
        The way in which ``spikes`` were made of broadband voltage, if they were. They may be
        spike-band power, which is added up like counts.
    parts : tuple of SessionPart, optional
        The recordings that the session was joined from, in order. Default: none, it is one.

    Raises
    ------
    SessionError
        If the channel ids don't fit the spikes or repeat, or there are no trials.

    Examples
    --------
    >>> import numpy as np
    >>> from rt_ner.data.session.behaviour import Behaviour
    >>> from rt_ner.data.session.session import Session
    >>> from rt_ner.data.session.spikes import SpikeCounts
    >>> from rt_ner.data.session.trials import Trials
    >>> rng = np.random.default_rng(0)
    >>> bin_ns, n_bins = 30_000_000, 1000
    >>> start_ns = np.arange(10) * 100 * bin_ns
    >>> session = Session(
    ...     name="day1",
    ...     area="M1",
    ...     channel_ids=tuple(f"elec{number:03d}" for number in range(1, 97)),
    ...     spikes=SpikeCounts(rng.poisson(0.5, (n_bins, 96)).astype(np.uint8), bin_ns),
    ...     behaviour=Behaviour(
    ...         (np.arange(n_bins) + 1) * bin_ns, rng.normal(size=(n_bins, 2))
    ...     ),
    ...     trials=Trials(
    ...         start_ns=start_ns,
    ...         go_ns=start_ns + 10 * bin_ns,
    ...         end_ns=start_ns + 40 * bin_ns,
    ...         direction_deg=np.arange(10) * 36.0,
    ...         target_cm=np.zeros((10, 2)),
    ...     ),
    ... )
    >>> session
    <Session day1 M1: 96 channels, 10 trials, 28 s>
    >>> session.missing_for_training()
    []

    """

    name: str
    area: str
    channel_ids: tuple[str, ...]
    spikes: SpikeTimes | SpikeCounts
    behaviour: Behaviour
    trials: Trials = UNCUT
    provenance: Mapping[str, str] = field(default_factory=dict)
    voltage: VoltageSettings = CROSSINGS
    parts: tuple[SessionPart, ...] = ()

    def __post_init__(self) -> None:
        if len(self.channel_ids) != self.spikes.n_channels:
            raise SessionError(
                f"{len(self.channel_ids)} channel ids for {self.spikes.n_channels} channels: "
                "every channel needs one"
            )
        if len(set(self.channel_ids)) != len(self.channel_ids):
            raise SessionError("channel ids repeat: every channel needs an id of its own")
        if self.trials is UNCUT:
            object.__setattr__(self, "trials", self._blocks())
        if not len(self.trials):
            raise SessionError("no trials: a session needs at least one reach")

    @classmethod
    def from_arrays(
        cls, counts: AnyArray, behaviour: FloatArray, bin_s: float, **more: Any
    ) -> "Session":
        """Return a session of counts and behaviour in the same bins.

        The parameters are those of `rt_ner.data.formats.from_arrays.session_from_arrays`.
        """
        from rt_ner.data.formats.from_arrays import session_from_arrays  # noqa: PLC0415

        return session_from_arrays(counts, behaviour, bin_s, **more)

    @classmethod
    def from_spike_times(
        cls, spikes: Mapping[str, AnyArray], time_s: FloatArray, behaviour: FloatArray, **more: Any
    ) -> "Session":
        """Return a session of spike times in s by channel, and behaviour at times of its own.

        The parameters are those of `rt_ner.data.formats.from_arrays.session_from_spike_times`.
        """
        from rt_ner.data.formats.from_arrays import session_from_spike_times  # noqa: PLC0415

        return session_from_spike_times(spikes, time_s, behaviour, **more)

    @classmethod
    def from_pynapple(cls, spikes: Any, behaviour: Any, *trials: Any, **more: Any) -> "Session":
        """Return a session of pynapple's objects; see `rt_ner.data.formats.pynapple.reader`."""
        from rt_ner.data.formats.pynapple.reader import session_from_pynapple  # noqa: PLC0415

        return session_from_pynapple(spikes, behaviour, *trials, **more)

    def to_pynapple(self) -> "PynappleObjects":
        """Return spikes, behaviour, trials and recorded time as objects of pynapple."""
        from rt_ner.data.formats.pynapple.writer import pynapple_of  # noqa: PLC0415

        return pynapple_of(self)

    def __repr__(self) -> str:
        return (
            f"<Session {self.name} {self.area}: {len(self.channel_ids)} channels, "
            f"{self.trials.n_in_words}, {self.end_ns / NS_PER_S:.0f} s>"
        )

    def _blocks(self) -> Trials:
        """Cut the time in which both spikes and behaviour were recorded into blocks."""
        begin_ns, end_ns = self.behaviour.time_ns[[0, -1]].tolist()
        end_ns = min(end_ns, self.spikes.end_ns)
        if end_ns <= begin_ns:
            raise SessionError(
                "spikes and behaviour were not recorded at the same time: check that both are on "
                "one clock"
            )
        return blocks_of(begin_ns, end_ns)

    @cached_property
    def sha256(self) -> str:
        """Hash of the recorded data, the same for every file format."""
        return self._hash(self.spikes, self.behaviour, self.trials)

    @cached_property
    def spikes_sha256(self) -> str:
        """Hash of the recorded spikes, which tells a recording whatever is read of it besides."""
        return self._hash(self.spikes)

    def _hash(self, *parts: SpikeTimes | SpikeCounts | Behaviour | Trials) -> str:
        """Return the hash of some parts, and of the names of area and channels."""
        digest = hashlib.sha256("\n".join((self.area, *self.channel_ids)).encode())
        for part in parts:
            for content in part.hashed():
                digest.update(content)
        return digest.hexdigest()

    def n_train(self, held_out: float) -> int:
        """Return the number of training trials, which come before the held-out ones.

        Of several recordings, a fraction ``held_out`` of the last one is held out, or more if it is
        short (`Trials.n_train`): a decoder should know the newest day, and be scored on it.
        """
        return self.trials.n_train(held_out, self.parts[-1].n_trials if self.parts else None)

    @cached_property
    def end_ns(self) -> int:
        """End of the last trial in ns since the session's start."""
        return int(self.trials.end_ns[-1])

    def only(self, outputs: Sequence[str]) -> "Session":
        """Return the session with some outputs alone.

        Parameters
        ----------
        outputs : sequence of str
            Names of outputs, such as ``["vx", "vy"]``.

        Returns
        -------
        Session
            The session; itself if it has these outputs and no others.

        Raises
        ------
        SessionError
            If the session has no such output.

        """
        behaviour = self.behaviour.only(outputs)
        return self if behaviour is self.behaviour else replace(self, behaviour=behaviour)

    def missing_for_training(self) -> list[str]:
        """Return the reasons why no decoder can be trained on this session.

        Returns
        -------
        list of str
            One line per reason; empty if nothing is missing.

        """
        missing = []
        fewest = FEWEST_TRAINING_TRIALS + 1
        if len(self.trials) < fewest:
            missing.append(
                f"too few trials: {len(self.trials)}, at least {fewest} are needed, "
                f"{FEWEST_TRAINING_TRIALS} to train on and one to hold out; record more"
            )
        if not self.spikes.n_spikes:
            missing.append("no spikes: all channels are silent")
        if not (self.trials.index_at(self.behaviour.time_ns) >= 0).any():
            missing.append(
                "no behaviour within the trials: check that both were recorded with the same clock"
            )
        return missing

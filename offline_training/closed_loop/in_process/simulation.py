"""Run a block of the task with a simulated subject in one process, much faster than real time.

Task, subject and decoder are those of the live loop. A tick stands for all transport: the cursor
moves by the velocity of the tick before.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from drivers.simulated.subject.firing import Firing
from drivers.simulated.subject.intention import Intention, SubjectSettings
from drivers.simulated.subject.neurons import Neurons
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.recalibration.block import HOP_NS, ClosedLoopBlock, reach_numbers
from rt_ner.task.clicks.debouncer import ClickDebouncer
from rt_ner.task.scores import BlockScore, score_block
from rt_ner.task.settings import TaskSettings
from rt_ner.task.trials.trial_machine import TrialMachine

_TICK_MS = 5
_TICK_NS = _TICK_MS * NS_PER_MS
# A block ends after this time per trial on average: with some decoders the cursor never returns.
_MOST_S_PER_TRIAL = 8


class Reference(StrEnum):
    """A mover of the cursor that is no decoder: the subject's own hand, or its intention."""

    HAND = "hand"
    IDEAL = "ideal"


Mover = DecoderSpecification | Reference
# A velocity ``(2,)`` in cm/s, and the probability of a click.
Moved = tuple[FloatArray, float]
# Returns what is decoded after the spikes ``(ms, channel)`` of a tick.
Move = Callable[[int, Int64Array], Moved]


@dataclass(frozen=True)
class LoopTiming:
    """Times of the loop, in ns: whole ticks of 5 ms.

    Attributes
    ----------
    hop_ns
        Duration of a hop of the recorded block.
    added_delay_ns
        Delay between the decoder's velocity and the cursor, besides that of one tick.

    """

    hop_ns: int = HOP_NS
    added_delay_ns: int = 0


_USUAL = LoopTiming()


@dataclass(frozen=True, eq=False)
class SimulatedBlock:
    """A block that was simulated.

    Attributes
    ----------
    block
        The block, as it would have been recorded.
    intended_cm_s
        ``(hop, 2)``, the velocity that the subject intended, which no recording knows.
    score
        The task's scores.
    machine
        The task with all its trials.
    click
        ``(hop, 2)``: the intended click, 0 to 1, and 1 while the hand pressed the button.
    clicks_ns
        Times of the clicks, which select targets if the task says so.

    """

    block: ClosedLoopBlock
    intended_cm_s: FloatArray
    score: BlockScore
    machine: TrialMachine
    click: FloatArray
    clicks_ns: tuple[int, ...] = ()


class _Recording:
    """Rows of a block, one per hop."""

    def __init__(self, channel_ids: tuple[str, ...], hop_ns: int) -> None:
        self._channel_ids = channel_ids
        self._hop_ns = hop_ns
        self.counts: list[Int64Array] = []
        # Per hop: hand, intention, decoded velocity, cursor, target with its radius, and clicks.
        self.rows: list[FloatArray] = []

    def block(self, is_decoded: bool) -> tuple[ClosedLoopBlock, FloatArray, FloatArray]:
        """Return the block of a decoder or of a subject, the intended velocity, and the clicks."""
        parts = np.split(np.array(self.rows), [2, 4, 6, 8, 11], axis=1)
        hand, intended, moved, cursor, target, click = parts
        nowhere = np.full_like(moved, np.nan)
        block = ClosedLoopBlock(
            channel_ids=self._channel_ids,
            hop_ns=self._hop_ns,
            counts=np.array(self.counts),
            is_heard=np.ones(len(self.counts), dtype=np.bool_),
            hand_cm_s=nowhere if is_decoded else hand,
            decoded_cm_s=moved if is_decoded else nowhere,
            cursor_cm=cursor,
            target=target,
            reach=reach_numbers(target),
        )
        return block, intended, click


def simulate_block(
    neurons: Neurons,
    mover: Mover,
    task: TaskSettings,
    seed: int,
    subject: SubjectSettings | None = None,
    timing: LoopTiming = _USUAL,
) -> SimulatedBlock:
    """Run all trials of a task, or those that end within 8 s each on average; the rest fail.

    Parameters
    ----------
    neurons
        The subject's neurons.
    mover
        The decoder that moves the cursor, or a reference.
    task
        The task; it must have an end.
    seed
        Seed of the subject's noise and spikes.
    subject
        How the subject sees and moves; None: the default settings.
    timing
        The recorded hop, and the delay that is added to the loop.

    """
    rng = np.random.default_rng(seed)
    intention = Intention(subject or SubjectSettings(), _TICK_NS / NS_PER_S, rng)
    firing = Firing(neurons, rng)
    machine, recording = TrialMachine(task), _Recording(neurons.channel_ids, timing.hop_ns)
    move, debouncer = _move_of(mover, intention, task.click.label), ClickDebouncer(task.click)
    cursor_cm, velocity_cm_s, likely = np.zeros(2), np.zeros(2), 0.0
    under_way = deque([(np.zeros(2), 0.0)] * (timing.added_delay_ns // _TICK_NS))
    clicks_ns = list[int]()
    counts = np.zeros(len(neurons.channel_ids), dtype=np.int64)
    for tick in range(1, task.trials * _MOST_S_PER_TRIAL * NS_PER_S // _TICK_NS + 1):
        now_ns = tick * _TICK_NS
        edge_cm = task.workspace_cm / 2
        cursor_cm = (cursor_cm + velocity_cm_s * (_TICK_NS / NS_PER_S)).clip(-edge_cm, edge_cm)
        is_clicked = bool(debouncer.take(np.array([now_ns]), np.array([likely]))[0])
        clicks_ns += [now_ns] * is_clicked
        machine.step(now_ns, cursor_cm, is_clicked and task.is_by_click)
        goal = machine.goal
        place_cm = None if goal is None else goal.centre_cm
        intention.step(cursor_cm, place_cm, machine.click_within_cm)
        spikes = firing.fire(
            intention.velocity_cm_s, intention.position_cm, _TICK_MS, intention.click
        )
        counts += spikes.sum(axis=0)
        under_way.append(move(now_ns, spikes))
        velocity_cm_s, likely = under_way.popleft()
        if now_ns % timing.hop_ns == 0:
            aimed = (np.nan,) * 3 if goal is None else (goal.x, goal.y, goal.radius)
            click = intention.click, intention.hand_click
            row = (
                intention.hand_cm_s, intention.velocity_cm_s, velocity_cm_s, cursor_cm, aimed, click
            )  # fmt: skip
            recording.rows.append(np.concatenate(row))
            recording.counts.append(counts.copy())
            counts[:] = 0
        if machine.is_over:
            break
    block, intended_cm_s, click_rows = recording.block(isinstance(mover, DecoderSpecification))
    score = score_block(machine.trials)
    n_reached = sum(bool(trial.success) for trial in machine.trials)
    score = replace(score, trials=task.trials, success_rate=n_reached / task.trials)
    return SimulatedBlock(block, intended_cm_s, score, machine, click_rows, tuple(clicks_ns))


def _move_of(mover: Mover, intention: Intention, click_label: str) -> Move:
    if mover is Reference.HAND:
        return lambda _now_ns, _spikes: (intention.hand_cm_s.copy(), float(intention.hand_click))
    if mover is Reference.IDEAL:
        return lambda _now_ns, _spikes: (intention.velocity_cm_s.copy(), intention.click)
    assert isinstance(mover, DecoderSpecification)
    clicks = mover.classes.index(click_label) if click_label in mover.classes else None
    binner = raster_binner(len(mover.channel_ids), mover.window.hop_ns, NS_PER_MS)
    decoder = Decoder(mover, binner, lambda: 0)
    since_ns = np.arange(1 - _TICK_MS, 1, dtype=np.int64) * NS_PER_MS
    velocity_cm_s, likely = np.zeros(2), 0.0

    def move(now_ns: int, spikes: Int64Array) -> Moved:
        nonlocal velocity_cm_s, likely
        for decoded in decoder.push(RasterChunk(now_ns + since_ns, spikes.astype(np.int16))):
            velocity_cm_s = decoded.values.astype(float) if decoded.ready else np.zeros(2)
            if clicks is not None and decoded.probabilities is not None:
                likely = float(decoded.probabilities[clicks]) if decoded.ready else 0.0
        return velocity_cm_s, likely

    return move

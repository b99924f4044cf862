"""Save a block as an ``.npz`` file; read one from there or from a recording."""

from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from rt_ner.core.arrays import AnyArray
from rt_ner.core.atomic_files import fresh_file
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.streams.opened import RECORDINGS, recorded_streams
from rt_ner.data.formats.streams.samples import Numbers, RecordedStreams, numbers_of
from rt_ner.recalibration.block import HOP_NS, ROWS, ClosedLoopBlock, Heard, block_of
from rt_ner.recalibration.intention.screen import Screen

_VELOCITY = ("vx", "vy")


def save_block(block: ClosedLoopBlock, path: Path) -> None:
    """Write a block to an ``.npz`` file; an existing file is replaced."""
    with fresh_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **{field.name: getattr(block, field.name) for field in _FIELDS})


def load_block(path: Path) -> ClosedLoopBlock:
    """Read a block from an ``.npz`` file.

    Raises
    ------
    SessionError
        If the file holds no block.
    """
    if not path.is_file():
        raise SessionError(f"{path}: no such file; expected a block saved by rt-ner recalibrate")
    content = _read_arrays(path)
    n = len(content["counts"])
    wrong = [name for name in ROWS if len(content[name]) != n]
    if wrong or content["counts"].shape != (n, len(content["channel_ids"])):
        raise SessionError(f"{path}: {', '.join(wrong) or 'counts'} do not fit its {n} hops")
    ids = tuple(str(channel) for channel in content.pop("channel_ids"))
    return ClosedLoopBlock(channel_ids=ids, hop_ns=int(content.pop("hop_ns")), **content)


def _read_arrays(path: Path) -> dict[str, AnyArray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {field.name: arrays[field.name] for field in _FIELDS}
    except (ValueError, KeyError, BadZipFile, OSError, EOFError) as error:
        raise SessionError(
            f"{path} is not a block ({error}): expected one saved by rt-ner recalibrate"
        ) from error


def load_any_block(
    path: Path, decoder: str, task: str, screen: Screen | None = None
) -> ClosedLoopBlock:
    """Read a saved block, or the block in a recording (.xdf, .nwb) of a decoder and a task.

    With a screen, the targets are inferred, and the recording need not have any.
    """
    if path.suffix.lower() not in RECORDINGS:
        block = load_block(path)
    elif screen is None:
        return block_of_recording(path, decoder, task)
    else:
        block = _block_of_decoder(recorded_streams(path), decoder, task, with_target=False)
    return screen.aimed(block) if screen else block


def block_of_recording(path: Path, decoder: str, task: str) -> ClosedLoopBlock:
    """Read the block in a recording of a decoder's and a task's streams, by their names.

    SessionError if the recording lacks one of them.
    """
    return _block_of_decoder(recorded_streams(path), decoder, task)


def load_control(path: Path, task: str, decoder: str = "") -> ClosedLoopBlock:
    """Read a block that shows how the subject reaches: a saved one, or that in a recording.

    ``decoder``: its name; empty: the only one in the recording. Without a decoder, the only hand
    there moved the cursor; such a block has no channels. SessionError if it can't be told.
    """
    if path.suffix.lower() not in RECORDINGS:
        return load_block(path)
    recorded = recorded_streams(path)
    decoders = _senders(recorded, Kind.COUNTS)
    if decoder in decoders or len(decoders) == 1:
        return _block_of_decoder(recorded, decoder if decoder in decoders else decoders[0], task)
    hands = _senders(recorded, Kind.KINEMATICS)
    if decoders or len(hands) != 1:
        raise SessionError(
            f"{path} does not tell what moved the cursor: expected one decoder, or one hand, found "
            f"{', '.join(decoders or hands) or 'neither'}; name the decoder with --decoder"
        )
    return _block_of_hand(recorded, hands[0], task)


def _block_of_decoder(
    recorded: RecordedStreams, decoder: str, task: str, with_target: bool = True
) -> ClosedLoopBlock:
    sources = {Kind.COUNTS: decoder, Kind.VELOCITY: decoder, Kind.CURSOR: task}
    if with_target:
        sources[Kind.TARGET] = task
    found = _found(recorded, sources)
    counts = found[Kind.COUNTS]
    return block_of(_heard(found), counts.labels, round(NS_PER_S / counts.rate_hz))


def _block_of_hand(recorded: RecordedStreams, hand: str, task: str) -> ClosedLoopBlock:
    found = _found(recorded, {Kind.KINEMATICS: hand, Kind.CURSOR: task, Kind.TARGET: task})
    heard, labels = _heard(found), found[Kind.KINEMATICS].labels
    if missing := [axis for axis in _VELOCITY if axis not in labels]:
        raise SessionError(f"{recorded.path}: {hand} sends no {', '.join(missing)}")
    stamps_ns, values = heard[Kind.KINEMATICS]
    heard[Kind.KINEMATICS] = stamps_ns, values[:, [labels.index(axis) for axis in _VELOCITY]]
    heard[Kind.SPIKES] = stamps_ns, np.zeros((len(stamps_ns), 0))
    return block_of(heard, (), HOP_NS)


def _senders(recorded: RecordedStreams, kind: Kind) -> list[str]:
    """Return the names of all that sent streams of a kind."""
    parts = [info.source_id.rpartition("/") for info in recorded.infos if info.n_samples]
    return sorted(name for name, _, last in parts if last == kind)


def _found(recorded: RecordedStreams, sources: dict[Kind, str]) -> dict[Kind, Numbers]:
    """Return a stream of each kind, by its sender; SessionError if one is missing."""
    source_ids = {kind: source_id_of(source, kind) for kind, source in sources.items()}
    found = numbers_of(recorded, list(source_ids.values()))
    return {kind: found[source_id] for kind, source_id in source_ids.items()}


def _heard(found: dict[Kind, Numbers]) -> Heard:
    return {kind: (numbers.stamps_ns, numbers.values) for kind, numbers in found.items()}


_FIELDS = fields(ClosedLoopBlock)

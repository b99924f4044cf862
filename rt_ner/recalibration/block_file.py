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
from rt_ner.data.formats.streams.samples import RecordedStreams, numbers_of
from rt_ner.recalibration.block import ROWS, ClosedLoopBlock, block_of


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


def load_any_block(path: Path, decoder: str, task: str) -> ClosedLoopBlock:
    """Read a saved block, or the block in a recording (.xdf, .nwb) of a decoder and a task."""
    if path.suffix.lower() in (".xdf", ".nwb"):
        return block_of_recording(path, decoder, task)
    return load_block(path)


def block_of_recording(path: Path, decoder: str, task: str) -> ClosedLoopBlock:
    """Read the block in a recording of a decoder's and a task's streams, by their names.

    SessionError if the recording lacks one of them.
    """
    sources = {Kind.COUNTS: decoder, Kind.VELOCITY: decoder, Kind.CURSOR: task, Kind.TARGET: task}
    source_ids = {kind: source_id_of(source, kind) for kind, source in sources.items()}
    found = numbers_of(_streams_of(path), list(source_ids.values()))
    heard = {
        kind: (found[source_id].stamps_ns, found[source_id].values)
        for kind, source_id in source_ids.items()
    }
    counts = found[source_ids[Kind.COUNTS]]
    return block_of(heard, counts.labels, round(NS_PER_S / counts.rate_hz))


def _streams_of(path: Path) -> RecordedStreams:
    """Return the streams of a recording, in either format."""
    # pyxdf and h5py are extras.
    if path.suffix.lower() == ".nwb":
        from rt_ner.data.formats.nwb.live.reader import (  # noqa: PLC0415
            recorded_streams as nwb_streams,
        )

        return nwb_streams(path)
    from rt_ner.data.formats.xdf.reader import recorded_streams  # noqa: PLC0415

    try:
        return recorded_streams(path)
    except (SessionError, OSError) as error:
        raise SessionError(f"{path}: {error}") from error


_FIELDS = fields(ClosedLoopBlock)

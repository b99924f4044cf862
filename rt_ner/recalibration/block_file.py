"""ClosedLoopBlock file: a recorded block as an ``.npz``, so that it can be recalibrated from again."""

from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import SessionError
from rt_ner.recalibration.block import ClosedLoopBlock, block_of


def save_block(block: ClosedLoopBlock, path: Path) -> None:
    """Write a block; a file that is there already is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, **{field.name: getattr(block, field.name) for field in _FIELDS})


def load_block(path: Path) -> ClosedLoopBlock:
    """Read a block. SessionError, naming the file, if it is none."""
    if not path.is_file():
        raise SessionError(f"{path} is no file: name a block that rt-ner recalibrate has kept")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = {field.name: arrays[field.name] for field in _FIELDS}
    except (ValueError, KeyError, BadZipFile, OSError, EOFError) as error:
        raise SessionError(
            f"{path} is no block ({error}): expected a file that rt-ner recalibrate has kept"
        ) from error
    n = len(content["counts"])
    rows = ("is_heard", "hand_cm_s", "decoded_cm_s", "cursor_cm", "target", "reach")
    wrong = [name for name in rows if len(content[name]) != n]
    if wrong or content["counts"].shape != (n, len(content["channel_ids"])):
        raise SessionError(f"{path}: {', '.join(wrong) or 'counts'} do not fit its {n} hops")
    ids = tuple(str(channel) for channel in content.pop("channel_ids"))
    return ClosedLoopBlock(channel_ids=ids, hop_ns=int(content.pop("hop_ns")), **content)


def block_of_xdf(path: Path, decoder: str, task: str) -> ClosedLoopBlock:
    """A block of a recording of a decoder's and a task's streams, by their names.

    SessionError where the recording lacks one of them.
    """
    # pyxdf is an extra.
    from rt_ner.data.formats.xdf.samples import read_numbers  # noqa: PLC0415

    sources = {Kind.COUNTS: decoder, Kind.VELOCITY: decoder, Kind.CURSOR: task, Kind.TARGET: task}
    source_ids = {kind: source_id_of(source, kind) for kind, source in sources.items()}
    found = read_numbers(path, list(source_ids.values()))
    heard = {
        kind: (found[source_id].stamps_ns, found[source_id].values)
        for kind, source_id in source_ids.items()
    }
    counts = found[source_ids[Kind.COUNTS]]
    return block_of(heard, counts.labels, round(NS_PER_S / counts.rate_hz))


_FIELDS = fields(ClosedLoopBlock)

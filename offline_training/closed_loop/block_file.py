"""Block file: a recorded block as an ``.npz``, so that it can be recalibrated from again."""

from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from offline_training.closed_loop.recording import Block
from rt_ner.errors import SessionError


def save_block(block: Block, path: Path) -> None:
    """Write a block; a file that is there already is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, **{field.name: getattr(block, field.name) for field in _FIELDS})


def load_block(path: Path) -> Block:
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
    return Block(channel_ids=ids, hop_ns=int(content.pop("hop_ns")), **content)


_FIELDS = fields(Block)

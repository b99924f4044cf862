"""Map each channel to the place of its electrode in the array."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.errors import ConfigError
from rt_ner.decoding.input.channels import number_in, split_name

_UTAH_CHANNELS, _UTAH_SIDE = 96, 10
_ELECTRODES_A_BANK = 32


def usual_places(n_channels: int) -> Int64Array:
    """Return the default row and column of each channel, shape ``(channel, 2)``.

    Channels fill the rows by number. 96 channels are a Utah array, 10 x 10 without its corners;
    any other number makes as square an array as possible.
    """
    if n_channels == _UTAH_CHANNELS:
        last = _UTAH_SIDE - 1
        corners = {(0, 0), (0, last), (last, 0), (last, last)}
        cells = np.ndindex(_UTAH_SIDE, _UTAH_SIDE)
        return np.array([cell for cell in cells if cell not in corners], dtype=np.int64)
    side = int(np.ceil(np.sqrt(n_channels)))
    return np.stack(np.divmod(np.arange(n_channels), side), axis=1).astype(np.int64)


def places_of(map_file: Path | None, labels: Sequence[str]) -> Int64Array:
    """Return each channel's row and column, shape ``(channel, 2)``: by a map file, or the usual."""
    return places_of_file(map_file, labels) if map_file and labels else usual_places(len(labels))


def places_of_file(path: Path, labels: Sequence[str]) -> Int64Array:
    """Return each channel's row and column, shape ``(channel, 2)``, from a Blackrock map file.

    A line of a map file (``.cmp``) has column, row (from the lower left), bank, electrode and
    label. Channels are found by their labels, else by the number at the end of their label; all
    units of an electrode share its place. Raises ConfigError if the file can't be read, or lacks a
    channel.
    """
    by_label: dict[str, tuple[int, int]] = {}
    by_number: dict[int, tuple[int, int]] = {}
    for cell, number, label in _entries(path):
        by_label[label] = by_number[number] = cell
    top = max(row for row, _ in by_number.values())
    places = []
    for label in labels:
        electrode = split_name(label)[0]
        place = by_label.get(electrode) or by_number.get(number_in(electrode))
        if place is None:
            raise ConfigError(
                f"--channel-map {path}: channel '{label}' is not in it; it has {len(by_number)} "
                f"electrodes, the first is '{next(iter(by_label))}': use this array's map file"
            )
        places.append((top - place[0], place[1]))
    return np.array(places, dtype=np.int64)


def labels_of_file(path: Path) -> dict[int, str]:
    """Return the electrodes' labels by number, from a Blackrock map file."""
    return {number: label for _, number, label in _entries(path)}


def _entries(path: Path) -> list[tuple[tuple[int, int], int, str]]:
    """Return row and column, number and label of each electrode."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--channel-map {path} can't be read: {error}") from error
    entries = []
    for line in lines:
        fields = line.split("//")[0].split()
        # A line that describes the array comes before the electrodes.
        if len(fields) < 4 or not (fields[0].isdecimal() and fields[1].isdecimal()):
            continue
        column, row, bank, electrode = fields[:4]
        if not (len(bank) == 1 and bank.isalpha() and electrode.isdecimal()):
            raise ConfigError(
                f"--channel-map {path}, line '{line.strip()}': expected column, row, bank (A, B, "
                "…), electrode and label"
            )
        number = (ord(bank.upper()) - ord("A")) * _ELECTRODES_A_BANK + int(electrode)
        label = fields[4] if len(fields) > 4 else str(number)
        entries.append(((int(row), int(column)), number, label))
    if not entries:
        raise ConfigError(f"--channel-map {path} holds no electrode: expected a .cmp file")
    return entries

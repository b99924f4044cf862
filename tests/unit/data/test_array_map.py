"""Electrodes sit where a map file or the usual layout puts them."""

from pathlib import Path

import numpy as np
import pytest

from rt_ner.core.errors import ConfigError
from rt_ner.data.array_map import places_of_file, usual_places


def test_a_utah_array_has_no_corners() -> None:
    places = usual_places(96)
    assert len({tuple(place) for place in places.tolist()}) == 96
    assert places.max() == 9
    for corner in ((0, 0), (0, 9), (9, 0), (9, 9)):
        assert corner not in {tuple(place) for place in places.tolist()}


@pytest.mark.parametrize("n_channels", [1, 2, 95, 97, 1024])
def test_other_arrays_are_as_square_as_it_goes(n_channels: int) -> None:
    places = usual_places(n_channels)
    assert len({tuple(place) for place in places.tolist()}) == n_channels
    assert places.max() < np.ceil(np.sqrt(n_channels))


CMP = """// Blackrock map
Cereport array
0\t9\tA\t1\telec1
9\t0\tB\t2\telec34
4\t4\tA\t3\tother // a comment
"""


def test_a_map_file_says_where_electrodes_sit(tmp_path: Path) -> None:
    file = tmp_path / "array.cmp"
    file.write_text(CMP)
    labels = ("elec1", "elec034", "elec3/1", "elec3/2")
    places = places_of_file(file, labels)
    # From the top left, as an image is drawn; the file counts rows from below.
    assert places.tolist() == [[0, 0], [9, 9], [5, 4], [5, 4]]


@pytest.mark.parametrize(
    ("content", "labels", "message"),
    [
        (CMP, ("elec77",), "'elec77' is not in it"),
        ("nothing here\n", ("a",), "holds no electrode"),
        ("1 2 AB x y\n", ("a",), "expected column, row, bank"),
        (None, ("a",), "can't be read"),
    ],
)
def test_a_map_file_that_does_not_fit_is_refused(
    tmp_path: Path, content: str | None, labels: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "array.cmp"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=message):
        places_of_file(file, labels)

"""Columns and events of a stream count for the right channels of a bundle."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.errors import StreamError
from rt_ner.decoding.input.channels import (
    N_UNITS,
    ChannelSelection,
    map_columns,
    map_events,
    needs_units,
)

WANTED = ("A", "B", "C")
PLAIN = ChannelSelection()
UNITS_IN_USE = 4


def columns_of(
    labels: Sequence[str], wanted: tuple[str, ...] = WANTED, query: ChannelSelection = PLAIN
) -> dict[str, list[int]]:
    """Return the columns that count for each wanted channel."""
    pairs = map_columns(labels, wanted, query)
    assert pairs.dtype == np.int32
    assert pairs.shape[1] == 2
    return {
        name: pairs[pairs[:, 1] == index, 0].tolist() for index, name in enumerate(wanted)
    }  # fmt: skip


def events_of(
    electrodes: Sequence[str], wanted: tuple[str, ...] = WANTED, query: ChannelSelection = PLAIN
) -> dict[tuple[int, int], str]:
    """Return the wanted channel of events, as (number − base, unit), for units 0 to 3."""
    table = map_events(electrodes, wanted, query)
    assert table.dtype == np.int32
    assert table.shape[1] == N_UNITS
    return {
        (int(row), int(unit)): wanted[table[row, unit]]
        for row, unit in np.argwhere(table >= 0)
        if unit < UNITS_IN_USE
    }


def all_units(*names: str) -> dict[tuple[int, int], str]:
    """Return the table of electrodes in this order, every unit of each; empty: not wanted."""
    return {
        (row, unit): name for row, name in enumerate(names) for unit in range(4) if name
    }  # fmt: skip


@given(st.permutations([*WANTED, "D", "E"]))
def test_columns_are_found_by_label_in_any_order_and_others_ignored(labels: list[str]) -> None:
    assert columns_of(labels) == {name: [labels.index(name)] for name in WANTED}


@given(
    data=st.data(),
    names=st.lists(st.text("abc/1", min_size=1, max_size=4), min_size=1, max_size=6, unique=True),
)
def test_a_permuted_stream_counts_the_same_for_every_channel(
    data: st.DataObject, names: list[str]
) -> None:
    """Whatever the labels, with or without units: the result, or the refusal, is the same."""
    order = data.draw(st.permutations(range(len(names))))
    wanted = tuple(data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))
    units = tuple(data.draw(st.sets(st.sampled_from([1, 11]), max_size=2)))
    query = ChannelSelection(units=units)

    def labels_found(labels: list[str]) -> dict[str, list[str]] | None:
        try:
            found = columns_of(labels, wanted, query)
        except StreamError:
            return None
        return {name: sorted(labels[k] for k in columns) for name, columns in found.items()}

    assert labels_found([names[k] for k in order]) == labels_found(names)


@given(st.permutations(["A", "B", "C", "D"]))
def test_permuted_electrodes_map_the_same_events(electrodes: list[str]) -> None:
    by_label = {
        (electrodes[row], unit): name for (row, unit), name in events_of(electrodes).items()
    }
    assert by_label == {(name, unit): name for name in WANTED for unit in range(UNITS_IN_USE)}


def test_columns_without_labels_are_taken_in_order() -> None:
    assert columns_of(["", "", ""]) == {"A": [0], "B": [1], "C": [2]}
    with pytest.raises(StreamError, match=r"has 2 channels, .* trained on 3.*in \[input\]"):
        columns_of(["", ""])


def test_by_order_ignores_labels_and_checks_the_number() -> None:
    query = ChannelSelection(by_order=True)
    assert columns_of(["x", "C", "A"], query=query) == {"A": [0], "B": [1], "C": [2]}
    with pytest.raises(StreamError, match=r"has 4 channels, .* trained on 3.*in \[input\]"):
        columns_of(["A", "B", "C", "D"], query=query)


@pytest.mark.parametrize("labels", [["p", "q", "r", "s"], ["", "", "", ""]])
@pytest.mark.parametrize(("base", "channels"), [(1, ("4", "1", "3")), (0, ("3", "0", "2"))])
def test_channels_are_named_by_number(
    labels: list[str], base: int, channels: tuple[str, ...]
) -> None:
    query = ChannelSelection(channels=channels, base=base)
    assert columns_of(labels, query=query) == {"A": [3], "B": [0], "C": [2]}


def test_channels_are_named_by_label_and_a_label_goes_before_a_number() -> None:
    query = ChannelSelection(channels=("r", "p", "1"))
    assert columns_of(["p", "1", "r"], query=query) == {"A": [2], "B": [0], "C": [1]}


def test_the_units_of_an_electrode_are_pooled() -> None:
    labels = ["A/1", "B", "A/2", "C/0", "AB/1", "A/255"]
    assert columns_of(labels) == {"A": [0, 2, 5], "B": [1], "C": [3]}


def test_only_selected_units_are_pooled() -> None:
    labels = ["A/0", "A/1", "A/2", "B/1", "B/255", "C/2"]
    query = ChannelSelection(units=(1, 2))
    assert columns_of(labels, query=query) == {"A": [1, 2], "B": [3], "C": [5]}
    with pytest.raises(StreamError, match=r"'C' has none of the units '1' .*'C/2'.*\[input\]"):
        columns_of(labels, query=ChannelSelection(units=(1,)))


def test_a_bundle_of_units_takes_each_its_own() -> None:
    wanted = ("A/2", "A/1", "B/1")
    assert columns_of(["A/1", "A/2", "A/3", "B/1"], wanted) == {"A/2": [1], "A/1": [0], "B/1": [3]}
    with pytest.raises(StreamError, match="1 of the bundle's 3 .* first is 'A/2'"):
        columns_of(["A/1", "A", "B/1"], wanted)


def test_absent_channels_are_named_with_what_is_there_and_the_remedy() -> None:
    with pytest.raises(StreamError) as error:
        columns_of(["C", "x1", "x2", "x3", "x4"])
    for part in ("2 of the bundle's 3", "'A'", "has 5: 'C', 'x1', 'x2', … 'x4'", "in [input]"):
        assert part in str(error.value)


def test_channels_must_be_named_for_each() -> None:
    query = ChannelSelection(channels=("A", "B"))
    for mapped in (columns_of, events_of):
        with pytest.raises(StreamError, match=r"\[input\] names 2 channels, the bundle has 3"):
            mapped(["A", "B", "C"], query=query)


@pytest.mark.parametrize("labels", [["A", "A", "B", "C"], ["A", "A/1", "B", "C"]])
def test_two_channels_of_one_label_are_never_pooled(labels: list[str]) -> None:
    """Two arrays side by side have such labels, each numbered from 1."""
    for mapped in (columns_of, events_of):
        with pytest.raises(StreamError, match=r"'A' is more than one.*in \[input\]"):
            mapped(labels)
    by_number = ChannelSelection(channels=("2", "3", "4"))
    assert columns_of(labels, query=by_number) == {"A": [1], "B": [2], "C": [3]}


def test_what_only_looks_like_a_unit_is_a_label() -> None:
    assert columns_of(["A/²", "B/x", "/1"], ("A/²", "B/x"), PLAIN) == {"A/²": [0], "B/x": [1]}
    assert events_of(["B/x", "A/²"], ("A/²", "B/x")) == all_units("B/x", "A/²")


def test_events_are_numbered_as_the_electrodes_are_told() -> None:
    assert events_of(["C", "x", "A", "B"]) == all_units("C", "", "A", "B")


@pytest.mark.parametrize("told", [[], ["", "", ""]])
def test_events_of_electrodes_untold_are_numbered_as_the_bundles_names_are(told: list[str]) -> None:
    """A bundle without the array's bad electrodes must not be shifted."""
    wanted = ("elec001", "elec003", "elec004/2")
    assert events_of(told, wanted) == {
        **{(0, unit): "elec001" for unit in range(UNITS_IN_USE)},
        **{(2, unit): "elec003" for unit in range(UNITS_IN_USE)},
        (3, 2): "elec004/2",
    }
    for nameless in (("A", "B", "C"), ("elec001", "lost"), ("a1", "b1")):
        with pytest.raises(StreamError, match="mere numbers.*by_order = true"):
            events_of(told, nameless)


def test_a_column_counts_for_one_channel_only() -> None:
    query = ChannelSelection(channels=("1", "2", "2"))
    with pytest.raises(StreamError, match="column 2 of the stream .* another channel too"):
        columns_of(["p", "q", "r"], query=query)


@pytest.mark.parametrize("told", [[], ["p", "q", "r", "s", "t"], [""] * 5])
@pytest.mark.parametrize(("base", "channels"), [(1, ("5", "1", "4")), (0, ("4", "0", "3"))])
def test_events_are_named_by_number(told: list[str], base: int, channels: tuple[str, ...]) -> None:
    """More numbers than the bundle has channels may be in use, with or without labels."""
    query = ChannelSelection(channels=channels, base=base)
    assert events_of(told, query=query) == all_units("B", "", "", "C", "A")


def test_events_by_order() -> None:
    query = ChannelSelection(by_order=True)
    assert events_of(["x", "C", "A"], query=query) == all_units("A", "B", "C")
    with pytest.raises(StreamError, match="has 2 channels, the bundle was trained on 3"):
        events_of(["x", "C"], query=query)


def test_only_events_of_selected_units_count() -> None:
    query = ChannelSelection(units=(1, 3))
    pooled = {(row, unit): name for row, name in enumerate(WANTED) for unit in (1, 3)}
    assert events_of(["A", "B", "C"], query=query) == pooled
    query = ChannelSelection(channels=("2/1", "2/3", "1"), units=(1, 3))
    assert events_of(["p", "q"], query=query) == {
        (0, 1): "C", (0, 3): "C", (1, 1): "A", (1, 3): "B",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "query"),
    [
        (("B", "A/3"), ChannelSelection(units=(1,))),
        (("B", "A/256"), PLAIN),
        (("B", "A/70000"), PLAIN),
    ],
)
def test_a_channel_whose_unit_no_event_can_have_is_refused(
    wanted: tuple[str, ...], query: ChannelSelection
) -> None:
    with pytest.raises(StreamError, match=rf"'{wanted[1]}'.*change units.*\[input\]"):
        events_of(["A", "B"], wanted, query)


@pytest.mark.parametrize(
    ("wanted", "channels"),
    [(("A", "B"), ("1", "1")), (("A", "A/1"), ()), (("A/1", "A"), ())],
)
def test_events_never_count_for_two_channels_and_none_is_silent(
    wanted: tuple[str, ...], channels: tuple[str, ...]
) -> None:
    with pytest.raises(StreamError, match=rf"'{wanted[1]}' count for another.*\[input\]"):
        events_of(["A", "B"], wanted, ChannelSelection(channels=channels))


def test_an_absent_electrode_is_named_and_a_number_that_cannot_be_is_one() -> None:
    with pytest.raises(StreamError, match=r"1 of the bundle's 3 .*first is 'B'.*\[input\]"):
        events_of(["A", "C"])
    with pytest.raises(StreamError, match=r"first is '99999999999'"):
        events_of([], query=ChannelSelection(channels=("1", "2", "99999999999")))


@pytest.mark.parametrize(
    ("wanted", "query", "expected"),
    [
        (("A", "B"), PLAIN, False),
        (("A", "B/1"), PLAIN, True),
        (("A/1", "B/1"), ChannelSelection(channels=("1", "2")), False),
        (("A", "B"), ChannelSelection(channels=("1/0", "2")), True),
        (("A", "B"), ChannelSelection(units=(0,)), True),
    ],
)
def test_units_are_needed_where_they_are_told_apart(
    wanted: tuple[str, ...], query: ChannelSelection, expected: bool
) -> None:
    assert needs_units(wanted, query) is expected

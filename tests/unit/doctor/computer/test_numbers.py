"""Sets of cores in Linux's notation, and names of files joined by their numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.doctor.computer.files.numbers import in_linux_notation, parsed_numbers
from rt_ner.doctor.computer.proposal import names_in_words


@given(st.sets(st.integers(0, 40)))
def test_numbers_are_read_as_they_are_written(numbers: set[int]) -> None:
    assert parsed_numbers(in_linux_notation(numbers)) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"), [("0-2,5\n", {0, 1, 2, 5}), ("3", {3}), ("", set()), ("0,1", {0, 1})]
)
def test_the_kernels_notation_is_read(text: str, numbers: set[int]) -> None:
    assert parsed_numbers(text) == numbers


def test_names_that_differ_in_one_number_are_joined() -> None:
    names = ["/irq/24/list", "/irq/25/list", "/irq/28/list", "/cpu7/on", "/etc/rt-ner.conf"]
    joined = ["/irq/[24-25,28]/list", "/cpu7/on", "/etc/rt-ner.conf"]
    assert names_in_words(names) == joined

"""Means with their intervals."""

from rt_ner.core.quantities.interval import Mean, mean_of


def test_a_mean_is_written_with_its_interval() -> None:
    found = mean_of([-0.5, 0.5])
    assert found == Mean(0.0, (-0.5, 0.5))
    assert f"{found:.1f}" == "0.0 (−0.5 to 0.5)"
    assert f"{mean_of([2.0]):.2f}" == "2.00"


def test_the_interval_of_many_values_is_about_twice_the_standard_error() -> None:
    low, high = mean_of([0.0, 1.0] * 50).interval95 or (0.0, 0.0)
    assert 0.38 < low < 0.42
    assert 0.58 < high < 0.62

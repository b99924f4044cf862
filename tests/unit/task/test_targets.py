"""Targets of every layout lie in the workspace and come equally often."""

import numpy as np
import pytest

from rt_ner.task.settings import Layout, TaskSettings
from rt_ner.task.trials.targets import Target, Targets


@pytest.mark.parametrize("layout", list(Layout))
def test_every_target_of_a_layout_can_be_reached_and_comes_equally_often(layout: Layout) -> None:
    settings = TaskSettings(layout=layout, grid_side=3)
    targets = Targets(settings)
    cursor = np.zeros(2)
    drawn = []
    for _ in range(72):
        target = targets.draw(cursor)
        assert np.abs(target.centre_cm).max() + target.radius <= settings.workspace_cm / 2 + 1e-9
        if layout is Layout.RANDOM:
            assert not target.holds(cursor)
        cursor = target.centre_cm
        drawn.append(target)
    times = [drawn.count(target) for target in set(drawn)]
    if layout is Layout.CENTRE_OUT_BACK:
        assert drawn[1::2] == [targets.centre] * 36
    elif layout is not Layout.RANDOM:
        assert set(times) == {72 // len(times)}


@pytest.mark.parametrize(
    ("place", "in_disc", "in_square"),
    [
        ((4.9, 1.0), True, True),
        ((4.9, 1.9), False, True),
        ((5.1, 1.0), False, False),
    ],
)
def test_a_disc_has_no_corners_and_a_square_has(
    place: tuple[float, float], in_disc: bool, in_square: bool
) -> None:
    for is_square, expected in ((False, in_disc), (True, in_square)):
        assert Target(4.0, 1.0, 1.0, is_square).holds(np.array(place)) is expected


def test_a_delay_is_drawn_from_its_range_and_by_the_seed() -> None:
    settings = TaskSettings(delay_ms=(100.0, 300.0), seed=5)
    first, second = (
        [drawn.delay_ms() for _ in range(50)] for drawn in map(Targets, [settings] * 2)
    )
    assert first == second
    assert 100.0 <= min(first) < 150.0
    assert 250.0 < max(first) <= 300.0

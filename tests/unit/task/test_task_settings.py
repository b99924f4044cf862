"""Settings of a task are checked, and count the targets to choose from."""

import pytest

from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import checked_settings
from rt_ner.task.settings import Layout, TaskSettings


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"delay_ms": (300.0, 100.0)}, "expected the shortest delay"),
        ({"target_radius_cm": 9.0}, "expected less than distance_cm = 8"),
        ({"layout": "spiral"}, "layout"),
        ({"targets": 8}, "did you mean 'n_targets'"),
    ],
)
def test_settings_that_make_no_task_are_refused(content: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked_settings(content, TaskSettings, "test")


@pytest.mark.parametrize(
    ("layout", "n_choices"),
    [(Layout.CENTRE_OUT, 8), (Layout.CENTRE_OUT_BACK, 8), (Layout.RANDOM, None), (Layout.GRID, 36)],
)
def test_the_number_of_choices_is_that_of_the_layout(layout: Layout, n_choices: int | None) -> None:
    assert TaskSettings(layout=layout).n_choices == n_choices

"""Markers are written and read as one text each."""

import json
import math

from rt_ner.core.contract.markers import (
    FALSE_CLICK,
    TrialEvent,
    TrialMarker,
    is_selection_marker,
    parse_trial_marker,
    scores_marker,
    selection_marker,
)


def test_a_trials_marker_is_read_as_it_was_written() -> None:
    for marker in (TrialMarker(TrialEvent.GO, 3, 45.0), TrialMarker(TrialEvent.END, 12)):
        parsed = parse_trial_marker(str(marker))
        assert str(parsed) == str(marker)


def test_selections_and_scores_are_no_moments_of_a_trial() -> None:
    scores = scores_marker({"bitrate_bps": 2.5, "acquire_s_median": math.nan})
    texts = (selection_marker(7, True), selection_marker(8, False), FALSE_CLICK, scores)
    assert texts[:3] == ("select 7 right", "select 8 wrong", "false_click")
    assert json.loads(scores.removeprefix("scores ")) == {
        "bitrate_bps": 2.5,
        "acquire_s_median": None,
    }
    assert not any(map(parse_trial_marker, texts))
    assert [is_selection_marker(text) for text in texts] == [True, True, False, False]

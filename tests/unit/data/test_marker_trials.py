"""Trials in markers: complete ones, in order, from each run of a task."""

from rt_ner.data.formats.common.trials.marker_trials import trials_from_markers

S = 1_000_000_000


def run(begin_s: int, n: int) -> list[tuple[int, str]]:
    markers = []
    for number in range(1, n + 1):
        at = begin_s + 2 * number
        markers += [
            (at * S, f"trial_start {number}"),
            (at * S + S // 2, f"go {number} direction_deg={90 * number}"),
            ((at + 1) * S, f"trial_end {number}"),
        ]
    return markers


def test_a_task_that_was_started_again_counts_anew() -> None:
    trials, n_incomplete = trials_from_markers(run(0, 3) + run(100, 2), None)
    assert trials is not None
    assert (trials.start_ns // S).tolist() == [2, 4, 6, 102, 104]
    assert trials.direction_deg.tolist() == [90, 180, 270, 90, 180]
    assert n_incomplete == 0


def test_a_trial_that_starts_with_its_go_cue_is_complete() -> None:
    """In the order in which a task sends them, or in any other."""
    markers = [
        marker
        for at in (2 * S, 4 * S)
        for marker in (
            (at, f"trial_start {at // S}"),
            (at, f"go {at // S} direction_deg=45"),
            (at + S, f"trial_end {at // S}"),
        )
    ]
    for order in (markers, markers[::-1]):
        trials, n_incomplete = trials_from_markers(order, None)
        assert trials is not None
        assert trials.start_ns.tolist() == trials.go_ns.tolist() == [2 * S, 4 * S]
        assert trials.end_ns.tolist() == [3 * S, 5 * S]
        assert n_incomplete == 0


def test_a_trial_that_runs_into_the_next_is_cut_and_a_broken_one_left_out() -> None:
    markers = run(0, 3)
    markers[2] = (4 * S + 1, "trial_end 1")
    del markers[5]
    trials, n_incomplete = trials_from_markers(markers, None)
    assert trials is not None
    assert (trials.start_ns // S).tolist() == [2, 6]
    assert trials.end_ns.tolist() == [4 * S + 1, 7 * S]
    assert n_incomplete == 1
    markers = run(0, 2)
    markers[2] = (4 * S + 1, "trial_end 1")
    trials, _ = trials_from_markers(markers, None)
    assert trials is not None
    assert trials.end_ns.tolist() == [4 * S, 5 * S]

"""Latency measurements: times are matched and summarised, and a step's calls do not grow."""

import json
from pathlib import Path

import numpy as np
import pytest

from offline_training.bench.latency_figure import latency_figure
from offline_training.bench.untrained import untrained_bundle
from rt_ner.bench.commands import app
from rt_ner.bench.latency.plan import LatencyPlan
from rt_ner.bench.latency.processes.commands import app as process_app
from rt_ner.bench.latency.results import STAGES, Latency, Timings, percentiles
from rt_ner.bench.latency.tables import peer_rows, scale_rows
from rt_ner.bench.load.scale import slope
from rt_ner.bench.load.step import measure_step
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.contract.kinds import TIMING_LABELS

MS, HOP_NS = 1e-3, 10_000_000
BASELINE = Path(__file__).parents[2] / "step_baseline.json"


def plan(**changes: object) -> LatencyPlan:
    return LatencyPlan(**({"bundle": Path(), "channels": 96, "hop_ns": HOP_NS} | changes))


def turn(n_s: float = 6.0, lost: int | None = None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Samples pushed 0.2 ms after their time; velocities 0.5 ms after that, stamped all the way."""
    stamp_s = 1000.0 + np.arange(1, round(n_s * 1000) + 1) * MS
    pushes = np.column_stack([stamp_s, stamp_s + 0.2 * MS])
    end_s = stamp_s[9::10]
    if lost is not None:
        end_s = np.delete(end_s, lost)
    timing = np.zeros((len(end_s), 1 + len(TIMING_LABELS)))
    timing[:, 0] = end_s
    for number, stage in enumerate(STAGES[:-1]):
        at_s = end_s + (0.2 + 0.05 * (number + 1)) * MS
        timing[:, 1 + TIMING_LABELS.index(stage)] = at_s
    received = np.column_stack([end_s + 1e-9, end_s + 0.7 * MS])
    return pushes, {"received": received, "timing": timing}


def test_a_bin_is_timed_from_the_push_that_ended_it() -> None:
    timings = Timings()
    timings.add_turn(*turn(), HOP_NS)
    # The first four seconds are left out.
    assert len(timings.end_to_end_us()) == pytest.approx(200, abs=1)
    np.testing.assert_allclose(timings.end_to_end_us(), 500.0, atol=0.5)
    np.testing.assert_allclose(timings.stages_us()[0], [50, 50, 50, 50, 50, 250], atol=0.5)
    np.testing.assert_allclose(timings.step_us(), 100.0, atol=0.5)
    assert (timings.lost_bins, timings.missed) == (0, 0)
    assert timings.has_stages


def test_lost_and_late_bins_are_counted() -> None:
    pushes, times = turn(lost=500)
    times["received"][450, 1] += 0.02
    timings = Timings()
    timings.add_turn(pushes, times, HOP_NS)
    assert (timings.lost_bins, timings.missed) == (1, 1)


def test_a_process_without_stamps_has_no_stages() -> None:
    pushes, times = turn()
    timings = Timings()
    timings.add_turn(pushes, times | {"timing": times["timing"][:0]}, HOP_NS)
    assert not timings.has_stages
    summary = Latency(plan(), timings, timings).summary()
    assert summary["ratio"] == {"p50": 1.0, "p99": 1.0}
    assert "step_us" not in summary


def test_the_figure_and_the_summary_of_a_measurement(tmp_path: Path) -> None:
    floor, decoder = Timings(), Timings()
    rng = np.random.default_rng(0)
    for timings, slower in ((floor, 1.0), (decoder, 1.5)):
        pushes, times = turn()
        times["received"][:, 1] += rng.exponential(slower * 1e-4, len(times["received"]))
        timings.add_turn(pushes, times, HOP_NS)
    latency = Latency(plan(), floor, decoder)
    summary = json.loads(json.dumps(latency.summary()))
    assert {"channels", "hop_ms", "input", "missed_deadlines", "lost_bins"} <= summary.keys()
    assert summary["ratio"]["p50"] > 1.0
    assert len(summary["worst"]) == 10
    slowest = summary["worst"][0]
    assert sum(slowest[stage] for stage in STAGES) == pytest.approx(slowest["end_to_end_us"])
    latency_figure(latency, tmp_path / "latency.png")
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")


def test_a_decoder_in_company_is_held_against_itself_alone() -> None:
    quiet, crowded = Timings(), Timings()
    for timings, later_s in ((quiet, 0.0), (crowded, 0.5 * MS)):
        pushes, times = turn()
        times["received"][:, 1] += later_s
        timings.add_turn(pushes, times, HOP_NS)
    assert not plan().has_company
    in_company = plan(with_load=True)
    assert in_company.has_company
    summary = Latency(in_company, quiet, crowded, quiet).summary()
    assert summary["load"]
    assert summary["quiet_us"]["p50"] == pytest.approx(500, abs=1)
    assert summary["to_quiet"]["p99"] == pytest.approx(2.0, abs=0.01)
    assert "to_quiet" not in Latency(plan(), quiet, crowded).summary()


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("refusal", ["", "not given here"])
def test_a_measurement_reports_the_decoders_priority(
    wanted: bool, refusal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rt_ner.bench.latency.plan.realtime_refusal", lambda: refusal)
    config = tmp_path / "decode.toml"
    config.write_text(f"[timing]\nrealtime = {str(wanted).lower()}\n")
    assert plan(decode_config=config).realtime == (wanted and not refusal)


def test_percentiles_are_exact() -> None:
    found = percentiles(np.arange(10_001.0))
    names = ("p50", "p99", "p99_99", "max")
    assert [found[name] for name in names] == pytest.approx([5000, 9900, 9999, 10_000])


def test_growth_in_proportion_is_a_slope_of_one() -> None:
    assert slope([96, 256, 1024], [9.6, 25.6, 102.4]) == pytest.approx(1.0)
    assert slope([96], [9.6]) is None


def test_a_bin_costs_no_more_calls_than_it_did_and_leaves_nothing_behind(
    small_bundle: Bundle,
) -> None:
    """Counts, not times: they are the same on every machine. Fewer calls: lower the baseline."""
    baseline = json.loads(BASELINE.read_text())
    found = measure_step(small_bundle.model, 200)
    # Versions of Python differ by some calls.
    assert found.calls <= 1.1 * baseline["calls_a_bin"]
    assert found.blocks <= baseline["blocks_left_a_bin"]
    assert len(found.times_us) == 200


def test_an_untrained_bundle_decodes(tmp_path: Path) -> None:
    untrained_bundle(8, 5.0, tmp_path / "bundle")
    manifest = load_bundle(tmp_path / "bundle").manifest
    assert len(manifest.channel_ids) == 8
    assert manifest.window.hop_ns == 5_000_000


def test_every_process_of_a_measurement_is_a_command_of_the_bench() -> None:
    named = {command.callback.__name__ for command in app.registered_commands if command.callback}
    assert {"peer", "relay", "sink", "drain", "load"} <= named
    hidden = {command.callback.__name__ for command in process_app.registered_commands}
    assert hidden == {"peer", "relay", "sink", "drain", "load"}
    assert all(command.hidden for command in process_app.registered_commands)


def test_a_source_that_was_refused_is_a_result() -> None:
    """Too many events: the decoder's refusal is what was measured, and no latency is shown."""
    row = {
        "input": "events", "events_per_s": 1e7, "sent_per_s": 2.5e6, "late": 2_214_775,
        "skipped": 0, "overloads": 0, "refused": True, "keeps_up": False,
        "latency_us": {"p50": float("nan"), "p99": float("nan")},
    }  # fmt: skip
    rows = scale_rows({"rows": [row], "step_slope": None})
    assert rows["10,000,000 events/s"] == (
        "refused by the decoder (FAULT): 2,500,000 sent per second, 2,214,775 came late"
    )


def test_nothing_is_so_many_times_as_far_above_the_floor_as_what_is_below_it() -> None:
    floor_us = {"p50": 436.0, "p99": 840.0}
    row = {"floor_us": floor_us, "end_to_end_us": floor_us, "lost_bins": 0}
    ours = row | {"name": "rt-ner", "above_floor_us": -47.0, "above_floor_to_ours": 1.0}
    plain = row | {"name": "plain", "above_floor_us": 272.0, "above_floor_to_ours": None}
    rows = peer_rows({"rows": [ours, plain]})
    assert "; 47 µs below the floor; 0 bins lost" in rows["rt-ner"]
    assert "; 272 µs above the floor; 0 bins lost" in rows["plain"]
    faster = row | {"name": "rt-ner", "above_floor_us": 75.0, "above_floor_to_ours": 1.0}
    further = plain | {"above_floor_to_ours": 3.6}
    assert (
        "272 µs above the floor, 3.6 × rt-ner's" in peer_rows({"rows": [faster, further]})["plain"]
    )

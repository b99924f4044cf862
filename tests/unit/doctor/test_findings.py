"""The doctor judges clocks, network and speed, and comes to a verdict."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from rt_ner.bundle.entries.corruption_entry import CorruptionTable, FaultScore
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.doctor.bundle.dry_run import DryRun
from rt_ner.doctor.bundle.dry_run_findings import dry_run_findings
from rt_ner.doctor.checks.network import Network
from rt_ner.doctor.checkup import BundleCheck, Checkup, Finding, Level, StreamCheck
from rt_ner.doctor.report import as_json, print_checkup, sparkline
from rt_ner.doctor.rules.clocks import clock_findings
from rt_ner.doctor.rules.computer import step_findings
from rt_ner.doctor.rules.network import network_findings


def checkup(*findings: Finding) -> Checkup:
    return Checkup({}, {}, (), None, None, findings)


def test_a_warning_is_no_obstacle() -> None:
    warning, no_go = Finding(Level.WARNING, "w"), Finding(Level.NO_GO, "n")
    assert checkup().is_go
    assert checkup(warning).is_go
    assert not checkup(warning, no_go).is_go


def stream_check(offset_ms: float, is_spikes: bool = False) -> StreamCheck:
    return StreamCheck(
        "s", "Spikes", 1, 1000.0, "int16", "rig2", "id", is_spikes, offset_ms, timing=None
    )


@pytest.mark.parametrize(
    ("same_host", "before_ms", "after_ms", "expected"),
    [
        (True, 0.01, 0.02, ""),
        (True, np.nan, np.nan, ""),
        (True, 500.0, 500.0, "comes from this computer, but its clock is 500 ms off"),
        (False, 9e7, 9e7 + 0.3, ""),
        (False, 9e7, 9e7 + 4, "host rig2, whose clock moved by 4 ms"),
        (False, np.nan, 9e7, "host rig2, which does not answer with its time"),
    ],
)
def test_the_offset_of_clocks(
    same_host: bool, before_ms: float, after_ms: float, expected: str
) -> None:
    found = clock_findings(stream_check(after_ms), same_host, before_ms)
    if not expected:
        assert found == []
        return
    (finding,) = found
    assert finding.level is Level.WARNING
    assert expected in finding.text


@pytest.mark.parametrize(("offset_ms", "level"), [(50.0, "warning"), (-5000.0, "NO-GO")])
def test_spikes_of_two_computers_of_one_name_are_no_go(offset_ms: float, level: str) -> None:
    (finding,) = clock_findings(stream_check(offset_ms, is_spikes=True), True, offset_ms)
    assert finding.level == level
    assert "two computers have the same name; rename one" in finding.text


COUNTED = dict.fromkeys(InputCounts, 0)


@pytest.mark.parametrize(
    ("run", "level", "said"),
    [
        (DryRun(n_ready=9, counts=COUNTED | {InputCounts.USED: 100}), "", ""),
        (DryRun(problem="it is odd", counts=COUNTED), "NO-GO", "would refuse it: it is odd"),
        (
            DryRun(n_hops=7, seconds=4, counts=COUNTED | {InputCounts.MISSING: 3}),
            "NO-GO",
            "not one hop could be decoded in 4.0 s, .* missing 3",
        ),
        (
            DryRun(n_ready=9, waits_ms=[250.0] * 5, counts=COUNTED),
            "NO-GO",
            "data every 250 ms, later than stale_ms = 200.* set stale_ms = 400 in",
        ),
        (
            DryRun(
                n_ready=9,
                has_events=True,
                counts=COUNTED | {InputCounts.USED: 10, InputCounts.LATE: 9},
            ),
            "warning",
            "47.4% of .*late 9.* raise grace_ms",
        ),
        (
            DryRun(n_ready=9, counts=COUNTED | {InputCounts.USED: 95, InputCounts.MISSING: 5}),
            "warning",
            "5.0% of .*missing 5.*; samples are missing: check the cable",
        ),
        (
            DryRun(n_ready=9, counts=COUNTED | {InputCounts.SMOOTHED: 5, InputCounts.USED: 5}),
            "warning",
            "uneven time stamps",
        ),
    ],
)
def test_no_hop_ready_no_go(run: DryRun, level: str, said: str) -> None:
    findings = dry_run_findings("'s'", run, 200.0)
    assert [finding.level for finding in findings] == [level] * bool(level)
    assert not level or re.search(said, findings[0].text)


def test_spikes_of_a_host_without_a_clock_can_not_be_decoded() -> None:
    (finding,) = clock_findings(stream_check(np.nan, is_spikes=True), False, np.nan)
    assert finding.level is Level.NO_GO


@pytest.mark.parametrize(("p99_us", "expected"), [(4999.0, []), (5001.0, [Level.NO_GO])])
def test_a_step_may_take_half_a_hop(p99_us: float, expected: list[Level]) -> None:
    check = BundleCheck("b", 96, 10.0, True, 0.1, 50.0, p99_us)
    assert [finding.level for finding in step_findings(check)] == expected


CONNECTED = Network(Path("lsl_api.cfg"), "", "lab1", "eth0", "10.0.0.2")


@pytest.mark.parametrize(
    ("network", "n_streams", "expected"),
    [
        (CONNECTED, 1, []),
        (CONNECTED, 0, ["in the same LSL session, 'lab1' (SessionID"]),
        (replace(CONNECTED, absent_config="x.cfg"), 1, ["x.cfg, which is not a file"]),
        (replace(CONNECTED, address=""), 1, ["not connected to a network"]),
    ],
)
def test_a_network_that_hides_streams_is_a_warning(
    network: Network, n_streams: int, expected: list[str]
) -> None:
    findings = network_findings(network, n_streams)
    assert [finding.level for finding in findings] == [Level.WARNING] * len(expected)
    assert all(part in found.text for part, found in zip(expected, findings, strict=True))
    assert network.facts()["lsl_session"] == "lab1"


# The report.


WARNING, NO_GO = Finding(Level.WARNING, "a clock moved"), Finding(Level.NO_GO, "no spikes")


@pytest.mark.parametrize(
    ("findings", "last_line"),
    [
        ((), "GO for the streams; name a bundle to check it too; no warnings"),
        ((WARNING,), "GO for the streams; name a bundle to check it too; 1 warning"),
        ((WARNING, NO_GO), "NO-GO: fix 1 problem first; 1 warning"),
        ((NO_GO, NO_GO), "NO-GO: fix 2 problems first; no warnings"),
    ],
)
def test_the_last_line_is_the_verdict(findings: tuple[Finding, ...], last_line: str) -> None:
    console = Console(file=io.StringIO(), highlight=False, markup=False)
    print_checkup(checkup(*findings), console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[-1] == last_line
    assert all(finding.text in "\n".join(lines) for finding in findings)


def test_a_checked_bundle_needs_no_hint() -> None:
    bundle = BundleCheck("b", 96, 10.0, True, 0.1, 50.0, 90.0)
    console = Console(file=io.StringIO(), highlight=False, markup=False)
    print_checkup(replace(checkup(), bundle=bundle), console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[-1] == "GO: no warnings"


def test_a_bundle_shows_its_scores_under_faults() -> None:
    scores = (FaultScore(fault=Fault.DEAD_CHANNELS, severity=0.2, r2=0.81),)
    table = CorruptionTable(r2=0.9, n_hops=100, faults=scores)
    bundle = BundleCheck("b", 96, 10.0, None, np.nan, np.nan, np.nan, table)
    console = Console(file=io.StringIO(), highlight=False, markup=False)
    print_checkup(replace(checkup(), bundle=bundle), console)
    assert isinstance(console.file, io.StringIO)
    assert "20 % of channels: 0.81" in console.file.getvalue()
    content = as_json(replace(checkup(), bundle=bundle))
    assert content["bundle"]["corruption"] == json.loads(table.model_dump_json())


@pytest.mark.parametrize("source_id", ["rt-ner@fresh2/velocity", 3 * "a-long-name/of-a-source/"])
@pytest.mark.parametrize("width", [60, 100])
def test_a_source_id_is_never_wrapped(
    source_id: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rt_ner.doctor.report.WIDTH", width)
    stream = replace(stream_check(0.1), source_id=source_id, name="a stream of spikes", host="rig")
    console = Console(file=io.StringIO(), highlight=False, markup=False)
    print_checkup(replace(checkup(), streams=(stream,)), console)
    assert isinstance(console.file, io.StringIO)
    assert source_id in console.file.getvalue()


def test_unknown_values_are_null_in_json() -> None:
    content = as_json(replace(checkup(), streams=(stream_check(np.nan),)))
    assert content["verdict"] == "GO"
    assert content["streams"][0]["offset_ms"] is None


def test_a_sparkline_shows_even_the_rarest() -> None:
    assert sparkline((0, 1, 1000, 500), "·▁▂▃▄▅▆▇█") == "·▁█▄"
    assert sparkline((0, 0), "·█") == "··"

"""The doctor judges clocks, network and speed, and comes to a verdict."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

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


def test_unknown_values_are_null_in_json() -> None:
    content = as_json(replace(checkup(), streams=(stream_check(np.nan),)))
    assert content["verdict"] == "GO"
    assert content["streams"][0]["offset_ms"] is None


def test_a_sparkline_shows_even_the_rarest() -> None:
    assert sparkline((0, 1, 1000, 500), "·▁▂▃▄▅▆▇█") == "·▁█▄"
    assert sparkline((0, 0), "·█") == "··"

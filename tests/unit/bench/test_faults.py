"""The bench of faults sums up bundles, with an interval where there are several."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rt_ner.bench.commands import app
from rt_ner.bench.faults.summary import kept_under_faults
from rt_ner.bundle.entries.corruption_entry import CorruptionTable, FaultScore
from rt_ner.core.contract.faults.fault import Fault


def table(r2: float, *scores: tuple[Fault, float, float]) -> CorruptionTable:
    faults = tuple(FaultScore(fault=fault, severity=s, r2=value) for fault, s, value in scores)
    return CorruptionTable(r2=r2, n_hops=5, faults=faults)


def test_the_part_kept_is_of_the_score_without_a_fault() -> None:
    one = table(0.8, (Fault.GAIN, 0.7, 0.4), (Fault.DEAD_BANK, 2, 0.1))
    other = table(0.5, (Fault.GAIN, 0.7, 0.5))
    (kept,) = kept_under_faults([one, other])
    assert (kept.fault, kept.severity, kept.mean, kept.lowest) == (Fault.GAIN, 0.7, 0.75, 0.5)
    assert kept.interval95 == (0.5, 1.0)
    assert str(kept) == "0.750 (0.500 to 1.000), lowest 0.500"
    alone = kept_under_faults([one])
    assert [each.interval95 for each in alone] == [None, None]
    assert str(alone[0]) == "0.500"


def test_bundles_are_summed_up_by_the_command(small_bundle_folder: Path) -> None:
    result = CliRunner().invoke(app, ["faults", *2 * [str(small_bundle_folder)], "--json"])
    assert not result.exception
    found = json.loads(result.output)
    assert [each["seed"] for each in found["bundles"]] == [0, 0]
    assert {each["fault"] for each in found["kept"]} == {
        fault.value for fault in Fault if fault is not Fault.HOT_CHANNELS
    }


def test_a_bundle_without_the_scores_is_named() -> None:
    old = Path(__file__).parents[2] / "helpers" / "bundle_0_1"
    result = CliRunner().invoke(app, ["faults", str(old)])
    with pytest.raises(Exception, match="bundle_0_1 has no R² under faults"):
        raise result.exception or AssertionError(result.output)

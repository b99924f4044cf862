"""`rt-ner rig new` asks which source the rig is to have."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rt_ner.cli import build_app
from rt_ner.rig.file.layout import load_rig
from rt_ner.rig.file.settings import SourceKind


class FakeInfo:
    """A stream of an amplifier, or of something else."""

    def __init__(self, name: str, kind: str) -> None:
        self._name, self._kind = name, kind

    def name(self) -> str:
        return self._name

    def type(self) -> str:
        return self._kind

    def source_id(self) -> str:
        return f"{self._name}/spikes"

    def hostname(self) -> str:
        return "amplifier-pc"

    def channel_count(self) -> int:
        return 96

    def nominal_srate(self) -> float:
        return 1000.0


class FakeSearch:
    def settled(self) -> list[FakeInfo]:
        return [FakeInfo("nsp1", "Spikes"), FakeInfo("hand", "Kinematics")]


@pytest.fixture(autouse=True)
def _network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rt_ner.lsl.network.search.StreamSearch", FakeSearch)


def answered(answer: str, out: Path) -> str:
    result = CliRunner().invoke(build_app(), ["rig", "new", "--out", str(out)], input=answer)
    return result.output if result.exception is None else f"{result.output}{result.exception}"


def test_a_stream_of_spikes_on_the_network_is_offered_and_taken(tmp_path: Path) -> None:
    out = tmp_path / "rig.toml"
    said = answered("1\n", out)
    assert "1: the stream 'nsp1' (type Spikes, 96 channels, 1000 Hz" in said
    assert "hand" not in said, "it sends no spikes"
    source = load_rig(out).settings.source
    assert (source.kind, source.source_id) == (SourceKind.AMPLIFIER, "nsp1/spikes")


def test_a_template_can_be_chosen_instead(tmp_path: Path) -> None:
    out = tmp_path / "rig.toml"
    assert "2: the template simulated" in answered("2\n", out)
    assert load_rig(out).settings.source.kind is SourceKind.SUBJECT


@pytest.mark.parametrize("answer", ["0\n", "6\n"])
def test_a_number_that_is_not_offered_writes_nothing(tmp_path: Path, answer: str) -> None:
    out = tmp_path / "rig.toml"
    assert f"{answer.strip()}: expected a number from 1 to 5" in answered(answer, out)
    assert not out.exists()

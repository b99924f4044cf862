"""Names of recordings."""

from dataclasses import replace
from pathlib import Path

import pytest

from rt_ner.core.contract.kinds import RecordingFormat
from rt_ner.core.errors import ConfigError
from rt_ner.record.naming import RecordingName


def test_a_name_in_one_option() -> None:
    assert RecordingName.parsed("") == RecordingName("X", "", "reach")
    assert RecordingName.parsed("M/day1/CO") == RecordingName("M", "day1", "CO")
    with pytest.raises(ConfigError, match="expected SUBJECT/SESSION/TASK"):
        RecordingName.parsed("a/b/c/d")


def test_labels_and_format_are_handed_on_as_options() -> None:
    name = RecordingName.parsed("M", RecordingFormat.NWB)
    assert name.options() == ["--record-as=M//reach", "--format=nwb"]
    assert RecordingName.parsed("M//reach", RecordingFormat.NWB) == name


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    name = RecordingName("Chewie", "20161007", "CO")
    first = name.next_path(tmp_path)
    first.touch()
    second = name.next_path(tmp_path)
    assert first.name == "sub-Chewie_ses-20161007_task-CO_run-001_ephys.xdf"
    assert second.name.endswith("run-002_ephys.xdf")
    as_nwb = replace(name, file_format=RecordingFormat.NWB).next_path(tmp_path)
    assert as_nwb.name.endswith("run-002_ephys.nwb"), "one number per run, whatever its format"
    with pytest.raises(
        ConfigError, match="subject 'a b' of a recording: expected letters and digits"
    ):
        RecordingName("a b", "1", "CO")


def test_a_recording_s_labels_come_back_from_its_name(tmp_path: Path) -> None:
    name = RecordingName("M", "day1", "brain", RecordingFormat.NWB)
    assert RecordingName.of_file(name.next_path(tmp_path)) == name
    assert RecordingName.of_file(Path("day1.xdf")) is None

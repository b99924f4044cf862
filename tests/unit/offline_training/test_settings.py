"""Settings of a training: names of version 0.1 are still understood."""

import json
from pathlib import Path

import pytest

from offline_training.settings import EnsembleSettings, FaultSettings, TrainSettings
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import load_settings

FORMER = """
steps = 50
[loss]
outlook_weight = 0.5
[committee]
members = 3
teaching_steps = 100
teaching_batch = 32
"""
NOW = FORMER.replace("outlook", "auxiliary").replace("committee", "ensemble")
NOW = NOW.replace("teaching", "distillation")


def settings_of(folder: Path, text: str) -> TrainSettings:
    (folder / "train.toml").write_text(text)
    return load_settings(folder / "train.toml", TrainSettings)


def test_a_file_with_former_names_means_the_same(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, FORMER)
    assert settings == settings_of(tmp_path, NOW)
    assert settings.ensemble.distillation_steps == 100
    assert settings.loss.auxiliary_weight == 0.5


def test_a_former_bundles_settings_are_read_and_written_with_the_new_names() -> None:
    former = json.loads(
        TrainSettings()
        .model_dump_json()
        .replace("ensemble", "committee")
        .replace("distillation_", "teaching_")
        .replace("auxiliary_weight", "outlook_weight")
    )
    settings = TrainSettings.model_validate(former)
    assert settings == TrainSettings()
    assert "ensemble" in settings.model_dump()
    assert former["committee"]["teaching_steps"] == 2000, "what was given stays as it was"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[committee]\nmember = 3\n", "ensemble.member"),
        ("[committee]\n[ensemble]\n", "committee"),
        ("teaching_steps = 100\n", "teaching_steps"),
    ],
)
def test_other_unknown_keys_are_still_refused(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown key '{key}'"):
        settings_of(tmp_path, text)


def test_faults_are_in_the_settings_only_if_there_are_any() -> None:
    faults = FaultSettings(dead_channels=0.1)
    assert "faults" not in TrainSettings().model_dump()
    assert TrainSettings(faults=faults).model_dump()["faults"]["dead_channels"] == 0.1


def test_unit_vectors_and_an_ensemble_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="unit_norm with 6 ensemble members"):
        TrainSettings(unit_norm=True, ensemble=EnsembleSettings(members=6))

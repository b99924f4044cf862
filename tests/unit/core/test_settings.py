"""Settings files are strict about keys, and the examples state the true defaults."""

import tomllib
from pathlib import Path

import pytest

from offline_training.settings import TrainSettings
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import Settings, load_settings
from rt_ner.live.settings import DecodeSettings
from rt_ner.rig.file.settings import RigSettings
from rt_ner.task.settings import TaskSettings

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "named", "nearest"),
    [
        ("[safety]\nstale_msec = 5\n", "safety.stale_msec", "stale_ms"),
        ("[inputs]\n", "inputs", "input"),
        ("[input]\nsourceid = 'x'\n", "input.sourceid", "source_id"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest(
    tmp_path: Path, text: str, named: str, nearest: str
) -> None:
    with pytest.raises(ConfigError, match=f"unknown key '{named}': did you mean '{nearest}'"):
        load_settings(write(tmp_path, text), DecodeSettings)


def test_a_key_in_the_wrong_section_is_sent_to_its_own_and_all_errors_are_listed(
    tmp_path: Path,
) -> None:
    text = "[input]\nstale_ms = 300\nsourceid = 'x'\n[safety]\nmax_speed_cm_s = 'fast'\n"
    with pytest.raises(ConfigError) as raised:
        load_settings(write(tmp_path, text), DecodeSettings)
    said = str(raised.value)
    assert "unknown key 'input.stale_ms': 'stale_ms' belongs in [safety]" in said
    assert "unknown key 'input.sourceid': did you mean 'source_id'" in said
    assert "safety.max_speed_cm_s = 'fast'" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[safety]\nstale_ms = 'soon'\n", r"safety.stale_ms = 'soon'"),
        ("[safety]\nstale_ms = -1\n", r"safety.stale_ms = -1.*greater than or equal to 10"),
        ("[safety\n", "can't be read as TOML"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_settings(write(tmp_path, text), DecodeSettings)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such config file"):
        load_settings(tmp_path / "none.toml", DecodeSettings)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("decode.toml", DecodeSettings),
        ("train.toml", TrainSettings),
        ("task.toml", TaskSettings),
        ("rig.toml", RigSettings),
    ],
)
def test_the_files_in_configs_show_every_default(name: str, kind: type[Settings]) -> None:
    text = (CONFIGS / name).read_text(encoding="utf-8")
    assert load_settings(CONFIGS / name, kind) == kind()
    assert tomllib.loads(text).keys() == kind.model_fields.keys()


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings(None, DecodeSettings) == DecodeSettings()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_as_windows_editors_and_shells_write_it(
    tmp_path: Path, encoding: str, newline: str
) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(f"# µ{newline}[safety]{newline}stale_ms = 70{newline}".encode(encoding))
    assert load_settings(path, DecodeSettings).safety.stale_ms == 70


@pytest.mark.parametrize("encoding", ["cp932", "utf-16-le"])
def test_a_file_in_another_encoding_is_refused_with_the_remedy(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes("# 実験\n".encode(encoding))
    with pytest.raises(ConfigError, match=r"settings\.toml.*UTF-8"):
        load_settings(path, DecodeSettings)


def test_the_examples_survive_any_terminal() -> None:
    for path in CONFIGS.glob("*.toml"):
        assert path.read_bytes().isascii(), path

"""Bundles: what was exported, or refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import SUMS_FILE, add_to_report, load_bundle, save_bundle
from rt_ner.core.errors import BundleError


@pytest.fixture
def folder(small_bundle_folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "bundle"
    shutil.copytree(small_bundle_folder, copy)
    return copy


def resign(folder: Path) -> None:
    """Make the sums right again, as somebody who edits a bundle by hand might."""
    import hashlib

    names = [line.split("  ")[1] for line in (folder / SUMS_FILE).read_text().splitlines()]
    sums = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / SUMS_FILE).write_text("".join(sums))


def test_a_bundle_survives_its_folder(folder: Path, small_bundle: Bundle) -> None:
    again = load_bundle(folder)
    assert again.manifest == small_bundle.manifest
    assert again.encoder_onnx == small_bundle.encoder_onnx


def test_a_bundle_survives_saving_whole_report_included(
    folder: Path, small_bundle: Bundle, tmp_path: Path
) -> None:
    load_bundle(str(folder)).save(str(tmp_path / "copy"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == before
    with pytest.raises(BundleError, match="overwrite=True"):
        small_bundle.save(tmp_path / "copy")
    small_bundle.save(tmp_path / "copy", overwrite=True)


def test_a_bundle_shows_what_it_decodes_and_how_well(small_bundle: Bundle) -> None:
    scores = small_bundle.scores
    assert repr(small_bundle) == (
        f"<Bundle {small_bundle.manifest.training.session} M1: 96 channels, 3 latents, "
        f"velocity R² {scores.r2:.2f} (shuffled {scores.shuffled_r2:.2f})>"
    )
    parts = (small_bundle.golden, small_bundle.manifest, small_bundle.model, small_bundle.weights)
    for part in (*parts, small_bundle.model.readout):
        assert len(repr(part)) < 100
        assert len(str(part)) < 100


def test_the_manifest_says_what_a_user_must_know(small_bundle: Bundle) -> None:
    manifest = small_bundle.manifest
    assert len(manifest.channel_ids) == 96
    assert manifest.window.hop_ns == 10_000_000
    assert manifest.window.bin_ns == 30_000_000
    assert manifest.readout.unit == "cm/s"
    assert manifest.training.n_train_trials == 12
    assert manifest.scores.shuffled_r2 < manifest.scores.r2
    assert {"rt-ner", "torch", "numpy", "onnxruntime"} <= manifest.versions.keys()


@pytest.mark.parametrize(
    "name", ["encoder.onnx", "manifest.json", "golden.npz", "report.png", SUMS_FILE]
)
def test_one_flipped_bit_anywhere_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    rng = np.random.default_rng(1)
    for position in [0, len(content) - 1, *rng.integers(0, len(content), 10)]:
        flipped = bytearray(content)
        flipped[position] ^= 1 << int(rng.integers(8))
        (folder / name).write_bytes(flipped)
        with pytest.raises(BundleError):
            load_bundle(folder)
    (folder / name).write_bytes(content)
    load_bundle(folder)


def test_a_flipped_byte_is_named(folder: Path) -> None:
    content = bytearray((folder / "encoder.onnx").read_bytes())
    content[100] ^= 1
    (folder / "encoder.onnx").write_bytes(content)
    with pytest.raises(BundleError, match="encoder.onnx has changed since the export"):
        load_bundle(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "golden.npz").unlink()
    with pytest.raises(BundleError, match="golden.npz is missing"):
        load_bundle(folder)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such bundle"):
        load_bundle(tmp_path / "absent")
    with pytest.raises(BundleError, match="is not a bundle"):
        load_bundle(tmp_path)


def test_golden_windows_catch_an_edited_readout(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["readout"]["matrix"][0][0] += 0.5
    (folder / "manifest.json").write_text(json.dumps(manifest))
    resign(folder)
    with pytest.raises(BundleError, match="golden windows' outputs differ"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"format_version": 2}, "format_version.*another version"),
        ({"surprise": 1}, "surprise"),
        ({"latent_dim": 4}, "the readout has 3 rows for 4 latents"),
        ({"channel_ids": ["a", "b"], "expectation": None}, "golden windows are"),
        ({"channel_ids": ["a", "b"]}, "the expectation has 96 channels, 2 are named"),
    ],
)
def test_an_inconsistent_manifest_is_refused(
    folder: Path, edit: dict[str, object], message: str
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | edit))
    resign(folder)
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)


def test_a_pickle_in_the_golden_file_is_refused(folder: Path) -> None:
    evil = np.array([{"a": 1}], dtype=object)
    np.savez(folder / "golden.npz", windows=evil, latents=evil, velocities=evil)
    resign(folder)
    with pytest.raises(BundleError, match="golden.npz can't be read"):
        load_bundle(folder)


def test_nothing_is_overwritten_unasked(folder: Path, small_bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="--overwrite"):
        save_bundle(small_bundle, folder, {}, overwrite=False)
    save_bundle(small_bundle, folder, {}, overwrite=True)
    assert load_bundle(folder).manifest == small_bundle.manifest
    assert sorted(path.name for path in folder.parent.iterdir()) == ["bundle"]


def test_only_a_bundle_is_ever_replaced(tmp_path: Path, small_bundle: Bundle) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(BundleError, match="is not a bundle"):
        save_bundle(small_bundle, tmp_path / "thesis", {}, overwrite=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_a_page_put_in_later_is_hashed_and_changes_nothing_else(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for content in (b"first", b"second"):
        add_to_report(folder, {"page.md": content})
        after = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert after.pop("page.md") == content
        assert after | {SUMS_FILE: b""} == before | {SUMS_FILE: b""}
        load_bundle(folder)
    (folder / "page.md").write_bytes(b"forged")
    with pytest.raises(BundleError, match=r"page\.md has changed since the export"):
        load_bundle(folder)
    with pytest.raises(BundleError, match=r"page\.md has changed since the export"):
        add_to_report(folder, {"other.md": b""})


def test_a_page_can_not_take_the_place_of_the_decoder(small_bundle_folder: Path) -> None:
    with pytest.raises(BundleError, match="reserved for the decoder's files"):
        add_to_report(small_bundle_folder, {"encoder.onnx": b""})

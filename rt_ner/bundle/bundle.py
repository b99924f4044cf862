"""Bundle: the one folder that a trained decoder is; written atomically, read strictly.

encoder.onnx   raw counts to latents          golden.npz   windows and what they must give
manifest.json  shapes, readout, scores, …     SHA256SUMS   of every other file
weights.npz     the graph's network as arrays, for the fast encoder; not every encoder has them
cloud.npz      training latents with their directions, for pictures
*.png, *.md    the report: of the training, and of comparisons put in later
"""

import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.atomic_files import check_home, replace_folder
from rt_ner.core.errors import BundleError
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.encoding.encoder import encoder_of
from rt_ner.decoding.encoding.weights import EncoderWeights, read_weights, weights_page
from rt_ner.decoding.readout import Readout
from rt_ner.decoding.windows import Window, WindowShape

ENCODER_FILE, MANIFEST_FILE, GOLDEN_FILE = "encoder.onnx", "manifest.json", "golden.npz"
LAYERS_FILE, _CLOUD_FILE = "weights.npz", "cloud.npz"
SUMS_FILE = "SHA256SUMS"
_SUMS_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_.-]+)\n")
# The same machine gives the same bits; another one's matrix kernels may round otherwise.
_GOLDEN_TOLERANCE = 1e-4
# What a file of arrays that is none makes NumPy raise.
_UNREADABLE = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ReadoutEntry(_Strict):
    """The readout, as `rt_ner.decoding.readout.Readout` says; no memory: a linear one."""

    matrix: tuple[tuple[float, float], ...]
    bias: tuple[float, float]
    unit: Literal["cm/s"]
    memory: tuple[tuple[float, float], tuple[float, float]] | None = None


class CarriedFrom(_Strict):
    """The earlier day whose readout a bundle keeps, and how many later trials taught the rest.

    No trial: no label of the later day was used.
    """

    session: str
    session_sha256: str
    n_calibration_trials: int


class TrainingEntry(_Strict):
    """What the bundle was trained on, and how."""

    session: str
    session_sha256: str
    area: str
    n_train_trials: int
    n_test_trials: int
    settings: dict[str, JsonValue]
    carried_from: CarriedFrom | None = None


class Scores(_Strict):
    """R² on the held-out trials; the control is an encoder trained on shuffled trials.

    Validation: training trials, each decoded by encoders that had not learned from it; None where
    there were too few.
    """

    velocity_r2: float
    position_r2: float
    train_velocity_r2: float
    validation_velocity_r2: float | None = None
    shuffled_velocity_r2: float


class Manifest(_Strict):
    """Everything of a bundle but the graph's weights."""

    format_version: Literal[1]
    channel_ids: tuple[str, ...] = Field(min_length=1)
    window: WindowShape
    latent_dim: int = Field(ge=1)
    readout: ReadoutEntry
    training: TrainingEntry
    scores: Scores
    versions: dict[str, str]

    @model_validator(mode="after")
    def _readout_fits(self) -> "Manifest":
        if len(self.readout.matrix) != self.latent_dim:
            raise ValueError(
                f"the readout has {len(self.readout.matrix)} rows for {self.latent_dim} latents"
            )
        return self


class Golden(_Strict):
    """Windows ``(case, bin, channel)``, with the latents and velocities that they must give."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    windows: Float32Array
    latents: Float32Array
    velocities: Float32Array


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained decoder, complete: as `load_bundle` gives it, checked and proven."""

    manifest: Manifest
    encoder_onnx: bytes
    golden: Golden
    weights: EncoderWeights | None = None

    @property
    def model(self) -> DecoderSpecification:
        """What the decoder needs of it."""
        entry = self.manifest.readout
        memory = None if entry.memory is None else np.array(entry.memory)
        readout = Readout(np.array(entry.matrix), np.array(entry.bias), entry.unit, memory)
        return DecoderSpecification(
            self.manifest.channel_ids,
            self.manifest.window,
            self.encoder_onnx,
            readout,
            self.weights,
        )


def run_windows(
    model: DecoderSpecification, windows: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Latents ``(case, latent)`` and velocities ``(case, 2)`` of windows ``(case, bin, channel)``.

    One window a run, as in the decoder, and none with another before it.
    """
    n_bins, n_channels = windows.shape[1:]
    shape = WindowShape(hop_ns=model.window.bin_ns, bin_ns=model.window.bin_ns, history_bins=n_bins)
    window = Window(shape, n_channels)
    encoder = encoder_of(model.encoder_onnx, model.weights, window)
    if encoder.latent.size != len(model.readout.matrix):
        raise BundleError(
            f"the encoder gives {encoder.latent.size} latents, the readout takes "
            f"{len(model.readout.matrix)}: the bundle is inconsistent, train it again"
        )
    latents = np.zeros((len(windows), encoder.latent.size), dtype=np.float32)
    velocities = np.zeros((len(windows), 2), dtype=np.float32)
    for case, counts in enumerate(windows):
        for number, bin_counts in enumerate(counts):
            window.push((case * n_bins + number + 1) * shape.hop_ns, bin_counts)
            encoder.push()
        encoder.encode()
        latents[case] = encoder.latent
        model.readout.decode(encoder.latent, velocities[case])
    return latents, velocities


def save_bundle(bundle: Bundle, folder: Path, pages: dict[str, bytes], overwrite: bool) -> None:
    """Write a bundle whole or not at all.

    ``pages``: what else it is to hold, by file name. Raises BundleError if ``folder`` is in the
    way.
    """
    check_writable(folder, overwrite)
    golden = io.BytesIO()
    np.savez_compressed(golden, **bundle.golden.model_dump())
    files = {
        ENCODER_FILE: bundle.encoder_onnx,
        MANIFEST_FILE: bundle.manifest.model_dump_json(indent=2).encode() + b"\n",
        GOLDEN_FILE: golden.getvalue(),
        **pages,
    }
    if bundle.weights is not None:
        files[LAYERS_FILE] = weights_page(bundle.weights)
    files[SUMS_FILE] = _sums_text(files).encode()
    replace_folder(folder, files)


def add_to_report(folder: Path, pages: dict[str, bytes]) -> None:
    """Put pages, by file name, into a bundle; the decoder stays, byte for byte.

    Pages of the same names are replaced. Raises BundleError unless the bundle is whole before.
    """
    decoder = {ENCODER_FILE, LAYERS_FILE, MANIFEST_FILE, GOLDEN_FILE, SUMS_FILE}
    if taken := decoder & set(pages):
        raise BundleError(f"{', '.join(sorted(taken))}: names of the decoder's files, not a page's")
    files = _read_checked(folder) | pages
    replace_folder(folder, files | {SUMS_FILE: _sums_text(files).encode()})


def check_writable(folder: Path, overwrite: bool) -> None:
    """Raise RtNerError if a bundle can't be written to ``folder``; only a bundle is replaced."""
    if not folder.exists():
        check_home(folder)
        return
    if not (folder / SUMS_FILE).is_file():
        raise BundleError(f"{folder} exists and is no bundle: choose another place with --out")
    if not overwrite:
        raise BundleError(
            f"{folder} already holds a bundle: choose another place with --out, or replace it "
            "with --overwrite"
        )


def cloud_page(latents: Float32Array, direction_deg: FloatArray) -> dict[str, bytes]:
    """Latents ``(row, dims)`` with reach directions ``(row,)`` in degrees, as a bundle's page."""
    content = io.BytesIO()
    np.savez_compressed(content, latents=latents, direction_deg=direction_deg.astype(np.float32))
    return {_CLOUD_FILE: content.getvalue()}


def load_cloud(folder: Path) -> tuple[FloatArray, FloatArray] | None:
    """What `cloud_page` wrote, of a whole bundle; None where it holds none."""
    content = _read_checked(folder).get(_CLOUD_FILE)
    if content is None:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return arrays["latents"].astype(float), arrays["direction_deg"].astype(float)
    except (KeyError, *_UNREADABLE) as error:
        raise BundleError(
            f"{folder / _CLOUD_FILE} can't be read ({error}): train the bundle again"
        ) from error


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle, check every byte against SHA256SUMS and replay its golden windows.

    Raises BundleError, with the reason, for anything that is not exactly what was exported.
    """
    files = _read_checked(folder)
    try:
        manifest = Manifest.model_validate_json(files[MANIFEST_FILE])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(
            f"{folder / MANIFEST_FILE}: {where}: {first['msg']}: the bundle is of another version "
            "of rt-ner, train it again"
        ) from error
    weights = read_weights(files[LAYERS_FILE]) if LAYERS_FILE in files else None
    bundle = Bundle(manifest, files[ENCODER_FILE], _read_golden(files[GOLDEN_FILE]), weights)
    # Graph and weights hold the same network, each by itself.
    _replay_golden(replace(bundle, weights=None), folder)
    if weights is not None:
        _replay_golden(bundle, folder)
    return bundle


def _read_checked(folder: Path) -> dict[str, bytes]:
    """The files that SHA256SUMS lists, by name, each with the listed hash."""
    if not folder.exists():
        raise BundleError(f"{folder}: no such bundle; train one with: rt-ner train SESSION --out …")
    sums_path = folder / SUMS_FILE
    if not sums_path.is_file():
        raise BundleError(f"{folder} is not a bundle: it has no {SUMS_FILE}")
    sums_text = sums_path.read_bytes().decode("ascii", errors="replace")
    names = [name for _, name in _SUMS_LINE.findall(sums_text)]
    missing = {ENCODER_FILE, MANIFEST_FILE, GOLDEN_FILE} - set(names)
    if missing:
        raise BundleError(f"{sums_path} is damaged: it does not list {', '.join(sorted(missing))}")
    files = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{path} is missing: copy the whole bundle again")
        files[name] = path.read_bytes()
    if _sums_text(files) != sums_text:
        listed = {name: digest for digest, name in _SUMS_LINE.findall(sums_text)}
        changed = [name for name in names if _sha256(files[name]) != listed[name]]
        raise BundleError(
            f"{folder}: {', '.join(changed) or SUMS_FILE} is not what was exported (its hash "
            "differs): copy the bundle again or train a new one"
        )
    return files


def _read_golden(content: bytes) -> Golden:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return Golden(**{name: arrays[name] for name in arrays.files})
    except _UNREADABLE as error:
        raise BundleError(
            f"{GOLDEN_FILE} can't be read ({error}): train the bundle again"
        ) from error


def _replay_golden(bundle: Bundle, folder: Path) -> None:
    """Raise BundleError unless graph and readout give what they gave when they were exported."""
    manifest, golden = bundle.manifest, bundle.golden
    expected_shape = (manifest.window.history_bins, len(manifest.channel_ids))
    if not len(golden.windows) or golden.windows.shape[1:] != expected_shape:
        raise BundleError(
            f"{folder}: golden windows are {golden.windows.shape[1:]} (bins, channels), the "
            f"manifest says {expected_shape}: the bundle is inconsistent, train it again"
        )
    latents, velocities = run_windows(bundle.model, golden.windows)
    for what, got, expected in (
        ("latents", latents, golden.latents),
        ("velocities", velocities, golden.velocities),
    ):
        scale = max(float(np.abs(expected).max()), 1.0)
        worst = float(np.abs(got - expected).max()) if got.shape == expected.shape else np.inf
        if not worst <= _GOLDEN_TOLERANCE * scale:
            raise BundleError(
                f"{folder}: the golden windows' {what} differ by {worst:.3g} from what was "
                "exported: this machine does not reproduce the bundle, train it here"
            )


def _sums_text(files: dict[str, bytes]) -> str:
    """SHA256SUMS of the files, as ``sha256sum`` writes and checks it."""
    return "".join(f"{_sha256(content)}  {name}\n" for name, content in files.items())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

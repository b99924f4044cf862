"""Write a bundle's folder whole or not at all, and read it strictly."""

import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from rt_ner.bundle.bundle import Bundle, Golden
from rt_ner.bundle.joint.joint_manifest import is_joint, unnamed_day
from rt_ner.bundle.manifest import Manifest
from rt_ner.bundle.store.pointer import bundle_at, is_pointer
from rt_ner.bundle.verification import replay_golden
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.atomic_files import check_home, replace_folder
from rt_ner.core.errors import BundleError
from rt_ner.decoding.encoding.weights import read_weights, weights_page

ENCODER_FILE, MANIFEST_FILE, GOLDEN_FILE = "encoder.onnx", "manifest.json", "golden.npz"
WEIGHTS_FILE, _CLOUD_FILE = "layers.npz", "cloud.npz"
SUMS_FILE = "SHA256SUMS"
_DECODER_FILES = {ENCODER_FILE, WEIGHTS_FILE, MANIFEST_FILE, GOLDEN_FILE, SUMS_FILE}
_SUMS_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_.-]+)\n")
# NumPy's errors for a file that holds no arrays.
_UNREADABLE = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)


def save_bundle(bundle: Bundle, folder: Path, pages: dict[str, bytes], overwrite: bool) -> None:
    """Write a bundle whole or not at all; BundleError if ``folder`` is in the way.

    ``pages`` are the files to write beside the decoder's, by name; the bundle's own are not.
    """
    check_writable(folder, overwrite)
    replace_folder(folder, files_of(bundle, pages))


def files_of(bundle: Bundle, pages: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of a bundle's folder by name, with further ``pages``."""
    golden = io.BytesIO()
    np.savez_compressed(golden, **bundle.golden.model_dump(exclude_none=True))
    files = {
        ENCODER_FILE: bundle.encoder_onnx,
        MANIFEST_FILE: bundle.manifest.model_dump_json(indent=2).encode() + b"\n",
        GOLDEN_FILE: golden.getvalue(),
        **pages,
    }
    if bundle.weights is not None:
        files[WEIGHTS_FILE] = weights_page(bundle.weights)
    files[SUMS_FILE] = _sums_text(files).encode()
    return files


def add_to_report(folder: Path, pages: dict[str, bytes]) -> None:
    """Add pages, by file name, to a bundle's folder; the decoder stays, byte for byte.

    Pages of the same names are replaced. Raises BundleError unless the bundle is intact before.
    """
    if taken := _DECODER_FILES & set(pages):
        raise BundleError(
            f"{', '.join(sorted(taken))}: reserved for the decoder's files: rename the page"
        )
    if is_pointer(folder):
        raise BundleError(
            f"{folder} is in a model store, whose bundles are not changed: name the bundle's own "
            "folder, and add it again"
        )
    files = _read_checked(folder) | pages
    replace_folder(folder, files | {SUMS_FILE: _sums_text(files).encode()})


def check_writable(folder: Path, overwrite: bool) -> None:
    """Raise RtNerError if a bundle can't be written to ``folder``; only bundles are replaced."""
    if not folder.exists():
        check_home(folder)
        return
    if not ((folder / SUMS_FILE).is_file() or is_joint(folder)):
        raise BundleError(f"{folder} exists and is not a bundle: choose another folder")
    if not overwrite:
        raise BundleError(
            f"{folder} already holds a bundle: choose another folder, or replace it "
            "(--overwrite, in Python overwrite=True)"
        )


def cloud_page(latents: Float32Array, direction_deg: FloatArray) -> dict[str, bytes]:
    """Return latents ``(row, dims)`` and directions ``(row,)`` in degrees as a bundle's page."""
    content = io.BytesIO()
    np.savez_compressed(content, latents=latents, direction_deg=direction_deg.astype(np.float32))
    return {_CLOUD_FILE: content.getvalue()}


def load_shown(folder: Path) -> tuple[Manifest, tuple[FloatArray, FloatArray] | None]:
    """Read what is shown of a bundle, after a check of all hashes; BundleError as `load_bundle`.

    That is its manifest, and the latents and directions that `cloud_page` wrote; None without any.
    """
    files = _read_checked(folder)
    return _manifest_of(files, folder), _cloud_of(files, folder)


def _cloud_of(files: dict[str, bytes], folder: Path) -> tuple[FloatArray, FloatArray] | None:
    content = files.get(_CLOUD_FILE)
    if content is None:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return arrays["latents"].astype(float), arrays["direction_deg"].astype(float)
    except (KeyError, *_UNREADABLE) as error:
        raise BundleError(
            f"{folder / _CLOUD_FILE} can't be read ({error}): train the bundle again"
        ) from error


def manifest_in(folder: Path) -> Manifest:
    """Read the manifest alone, after a check of all hashes; BundleError as `load_bundle`."""
    return _manifest_of(_read_checked(folder), folder)


def bundle_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a bundle by name, after a check of all hashes; BundleError likewise."""
    files = _read_checked(folder)
    return files | {SUMS_FILE: _sums_text(files).encode()}


def load_bundle(folder: str | Path) -> Bundle:
    """Read a bundle from its folder.

    Every byte is checked against SHA256SUMS, and the golden windows are decoded again.

    Parameters
    ----------
    folder : str or Path
        The bundle's folder, such as ``"m1-bundle"``, or the name of a promoted one in a model
        store, such as ``"my-store/monkey1/current"``.

    Returns
    -------
    Bundle
        The bundle, exactly as it was exported.

    Raises
    ------
    BundleError
        If a file is missing or was changed, or if this computer gives other latents or velocities.

    """
    folder = Path(folder)
    files = _read_checked(folder)
    bundle = _bundle_of(files, folder)
    # The graph and the weights hold the same network: each must prove itself.
    replay_golden(replace(bundle, weights=None), folder)
    if bundle.weights is not None:
        replay_golden(bundle, folder)
    return bundle


def _bundle_of(files: dict[str, bytes], folder: Path) -> Bundle:
    """Return the bundle that a folder's files hold."""
    manifest = _manifest_of(files, folder)
    weights = read_weights(files[WEIGHTS_FILE]) if WEIGHTS_FILE in files else None
    golden = _read_golden(files[GOLDEN_FILE])
    pages = {name: files[name] for name in files if name not in _DECODER_FILES}
    return Bundle(manifest, files[ENCODER_FILE], golden, weights, pages)


def _manifest_of(files: dict[str, bytes], folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(files[MANIFEST_FILE])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(
            f"{folder / MANIFEST_FILE}: {where}: {first['msg']}: the bundle comes from another "
            "version of rt-ner; train it again"
        ) from error


def _read_checked(folder: Path) -> dict[str, bytes]:
    """Return the files that SHA256SUMS lists, by name; BundleError if a hash differs."""
    folder = bundle_at(folder)
    if not folder.exists():
        raise BundleError(f"{folder}: no such bundle; train one with: rt-ner train SESSION --out …")
    sums_path = folder / SUMS_FILE
    if is_joint(folder):
        raise BundleError(unnamed_day(folder))
    if not sums_path.is_file():
        raise BundleError(
            f"{folder} is not a bundle: it has no {SUMS_FILE}; name a bundle's folder"
        )
    sums_text = sums_path.read_bytes().decode("ascii", errors="replace")
    names = [name for _, name in _SUMS_LINE.findall(sums_text)]
    missing = {ENCODER_FILE, MANIFEST_FILE, GOLDEN_FILE} - set(names)
    if missing:
        lacking = ", ".join(sorted(missing))
        raise BundleError(f"{sums_path} is damaged: it lacks {lacking}; copy the bundle again")
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
            f"{folder}: {', '.join(changed) or SUMS_FILE} has changed since the export (its hash "
            "differs): copy the bundle again or train a new one"
        )
    return files


def _sums_text(files: dict[str, bytes]) -> str:
    """Return SHA256SUMS of the files, in the format of ``sha256sum``."""
    return "".join(f"{_sha256(content)}  {name}\n" for name, content in files.items())


def _sha256(content: bytes) -> str:
    """Return the SHA-256 hash of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _read_golden(content: bytes) -> Golden:
    """Read the golden windows from the content of their file."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return Golden(**{name: arrays[name] for name in arrays.files})
    except _UNREADABLE as error:
        raise BundleError(
            f"{GOLDEN_FILE} can't be read ({error}): train the bundle again"
        ) from error

"""Refitting on a rig that can't train."""

import os
import subprocess
import sys
from pathlib import Path

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle
from rt_ner.data.session.session import Session
from rt_ner.recalibration.block_file import save_block
from tests.helpers.blocks import used

ROOT = Path(__file__).resolve().parents[2]


def test_a_readout_is_refitted_and_adapted_without_torch(
    small_bundle: Bundle, small_bundle_folder: Path, small_session: Session, tmp_path: Path
) -> None:
    """On a rig that has none of the trainer's packages, by the command and by the adapter."""
    save_block(used(small_bundle, small_session, 90.0), tmp_path / "block.npz")
    script = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'sklearn', 'scipy', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "import rt_ner.live.learning.learners\n"
        "from rt_ner.cli import main\n"
        f"sys.argv = ['rt-ner', 'recalibrate', {str(small_bundle_folder)!r}, '--block', "
        "'block.npz', '--out', 'better', '--part', 'readout']\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "the report has no picture" in result.stderr
    assert load_bundle(tmp_path / "better").encoder_onnx == small_bundle.encoder_onnx

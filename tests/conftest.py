"""Shared by the tests: an LSL session of their own, small sessions, a small trained bundle."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# A first call compiles: time says nothing about these tests.
settings.register_profile("rt-ner", deadline=None, derandomize=True)
settings.load_profile("rt-ner")

# Before anything loads liblsl: parallel test runs, and rigs on the same network, must not meet.
_LSL_CONFIG = Path(tempfile.mkdtemp(prefix="rt-ner-lsl-")) / "lsl_api.cfg"
_LSL_CONFIG.write_text(f"[lab]\nSessionID = test-{uuid.uuid4().hex}\n[log]\nlevel = -3\n")
os.environ["LSLAPICFG"] = str(_LSL_CONFIG)
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Each of the parallel runs has a core.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["QT_QPA_PLATFORM"] = "offscreen"

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session  # noqa: E402
from rt_ner.bundle.bundle import Bundle  # noqa: E402
from rt_ner.bundle.storage import load_bundle  # noqa: E402
from rt_ner.data.loading import load_session, save_session  # noqa: E402
from rt_ner.data.session.session import Session  # noqa: E402
from tests.helpers.sessions import quick_settings  # noqa: E402


@pytest.fixture(scope="session")
def small_session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated session of 16 trials and 96 electrodes, as a file."""
    path = tmp_path_factory.mktemp("session") / "small.npz"
    save_session(simulate_session(3, TaskSettings(n_trials=16), ArraySettings()), path)
    return path


@pytest.fixture(scope="session")
def small_session(small_session_file: Path) -> Session:
    return load_session(small_session_file)


@pytest.fixture(scope="session")
def small_bundle_folder(small_session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle trained, briefly, on the small session."""
    import torch

    from offline_training.training import save_trained, train_bundle

    folder = tmp_path_factory.mktemp("bundle") / "small"
    trained = train_bundle(small_session, quick_settings(), torch.device("cpu"), lambda *_: None)
    save_trained(trained, folder, overwrite=False)
    return folder


@pytest.fixture(scope="session")
def small_bundle(small_bundle_folder: Path) -> Bundle:
    return load_bundle(small_bundle_folder)


@pytest.fixture
def source_id() -> Iterator[str]:
    """A stream name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first, so that no worker is left alone with one at the end."""
    items.sort(
        key=lambda item: not {"recorded", "processes", "test_rig_page.py"} & set(item.path.parts)
    )

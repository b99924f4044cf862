"""Shared by the tests: an LSL session of their own, small sessions, a small trained bundle."""

import gc
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

# Before NumPy and torch are loaded, which look once.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Each of the parallel runs has a core.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

# A first call compiles: time says nothing about these tests. For a long run with other examples
# than those of every day: RT_NER_TESTS=thorough pytest tests/unit
settings.register_profile("daily", deadline=None, derandomize=True, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("RT_NER_TESTS", "daily"))

# Before anything loads liblsl: parallel test runs, and rigs on the same network, must not meet.
_LSL_CONFIG = Path(tempfile.mkdtemp(prefix="rt-ner-lsl-")) / "lsl_api.cfg"
_LSL_CONFIG.write_text(f"[lab]\nSessionID = test-{uuid.uuid4().hex}\n[log]\nlevel = -3\n")
os.environ["LSLAPICFG"] = str(_LSL_CONFIG)
os.environ["QT_QPA_PLATFORM"] = "offscreen"

# Python looks for garbage after every 700 new objects, which took a sixth of the tests' time: the
# libraries that they load hold a million.
gc.set_threshold(100_000, 20, 100)

from drivers.simulated.session import simulate_session  # noqa: E402
from rt_ner.bundle.bundle import Bundle  # noqa: E402
from rt_ner.bundle.storage import load_bundle  # noqa: E402
from rt_ner.data.loading import load_session, save_session  # noqa: E402
from rt_ner.data.session.session import Session  # noqa: E402
from rt_ner.terminal.progress import no_progress  # noqa: E402
from tests.helpers.sessions import QUICK_TASK, quick_settings  # noqa: E402

Make = Callable[[Path], None]

# Those that wait for minutes in all. Beside them, the many short ones keep the processor busy.
_LONGEST_FIRST = (
    "faults/test_faults.py",
    "live/test_rig_page.py",
    "live/bench/test_bench.py",
    "live/system/test_surroundings.py",
    "live/test_commands.py",
    "live/test_finding.py",
    "live/test_streams_in_the_wild.py",
    "processes/test_python_page.py",
    "live/test_notebooks.py",
    "live/closed_loop/test_loop_parts.py",
    "live/test_record.py",
    "live/test_view.py",
    "live/drivers/test_sources.py",
    "live/test_doctor.py",
    "live/bench/test_latency.py",
)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Make], Path]:
    """Make a file or folder once in a run, although each parallel run asks for it."""
    is_parallel = "PYTEST_XDIST_WORKER" in os.environ
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if is_parallel else own

    def made(name: str, make: Make) -> Path:
        path = shared / "made-once" / name
        path.parent.mkdir(exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                make(path)
        return path

    return made


@pytest.fixture(scope="session", autouse=True)
def _each_kernel_is_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where parallel runs need the same kernel, one compiles it, and the others wait and load it.

    Numba's own lock, of the threads in this process, is taken first, as everywhere.
    """
    # Loaded by then, after the number of its threads was limited.
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.dispatcher import Dispatcher

    locks = tmp_path_factory.getbasetemp().parent / "kernels"
    locks.mkdir(exist_ok=True)
    compiled = Dispatcher.compile

    def compile_alone(kernel: Any, signature: Any) -> Any:
        own = kernel.py_func
        # None calls itself, directly or not, so no two can wait for each other.
        name = f"{own.__module__}.{own.__qualname__}"
        lock = FileLock(locks / f"{name}.lock") if hasattr(own, "kernel_key") else nullcontext()
        with global_compiler_lock, lock:
            return compiled(kernel, signature)

    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ:
            patch.setattr(Dispatcher, "compile", compile_alone)
        yield


@pytest.fixture(scope="session")
def small_session_file(made_once: Callable[[str, Make], Path]) -> Path:
    """A simulated session of 16 trials and 96 electrodes, as a file."""
    return made_once("small.npz", lambda path: save_session(simulate_session(3, QUICK_TASK), path))


@pytest.fixture(scope="session")
def small_session(small_session_file: Path) -> Session:
    return load_session(small_session_file)


@pytest.fixture(scope="session")
def small_bundle_folder(small_session: Session, made_once: Callable[[str, Make], Path]) -> Path:
    """A bundle trained, briefly, on the small session."""

    def train(folder: Path) -> None:
        import torch

        from offline_training.training import save_trained, train_bundle

        trained = train_bundle(small_session, quick_settings(), torch.device("cpu"), no_progress)
        save_trained(trained, folder, overwrite=False)

    return made_once("bundle", train)


@pytest.fixture(scope="session")
def small_bundle(small_bundle_folder: Path) -> Bundle:
    return load_bundle(small_bundle_folder)


@pytest.fixture(scope="module")
def without_report(small_bundle_folder: Path) -> Iterator[None]:
    """Trainings of this module have no table of faults and no picture: its tests look at neither.

    The small bundle, which other modules share, has both.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rt_ner.offline.held_out.proof.corruption_table", lambda *_: None)
        patch.setattr("offline_training.training.draw_report", None)
        yield


@pytest.fixture
def source_id() -> Iterator[str]:
    """A stream name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, so that no worker is left alone with one at the end."""

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(Path(__file__).parent).as_posix()
        if name in _LONGEST_FIRST:
            return _LONGEST_FIRST.index(name)
        return len(_LONGEST_FIRST) + name.startswith("unit/")

    items.sort(key=place)
    # What has been imported stays.
    gc.freeze()

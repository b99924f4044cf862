"""A new interpreter loads little, and much works where packages are missing."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_importing_loads_neither_torch_nor_lsl_nor_qt() -> None:
    script = (
        "import sys, rt_ner, offline_training\n"
        "heavy = ('torch', 'pylsl', 'PySide6', 'numba', 'numpy', 'scipy', 'sklearn', 'pydantic')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == "[]"


def test_help_and_version_import_no_command() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from rt_ner.cli import build_app\n"
        "for option in ('--help', '--version'):\n"
        "    assert CliRunner().invoke(build_app(), [option]).exit_code == 0\n"
        "heavy = {'numpy', 'pydantic', 'pylsl', 'torch', 'rich', 'PySide6', 'onnxruntime'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
        "assert not [name for name in sys.modules if name.endswith('commands')]\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_no_terminal_needs_no_rich() -> None:
    script = (
        "import sys\n"
        "sys.modules['rich'] = None\n"
        "from rt_ner.terminal.progress import show_progress\n"
        "with show_progress() as shown:\n"
        "    shown('training', 1.0, 0.5)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert b"training: done" in result.stderr


def test_the_runtime_runs_without_torch() -> None:
    """The base install has no torch: import the runtime and its commands with torch blocked."""
    names = [path.stem for path in (ROOT / "rt_ner").glob("*.py") if path.stem != "__main__"]
    script = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'sklearn', 'scipy', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "from importlib import import_module\n"
        f"for name in {names!r}:\n"
        "    import_module('rt_ner.' + name)\n"
        "from importlib.metadata import entry_points\n"
        "for entry in entry_points(group='rt_ner.commands'):\n"
        "    entry.load()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_training_without_its_packages_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys, importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'torch' else found(name, *rest)\n"
        f"sys.argv = ['rt-ner', 'train', 'x.npz', '--out', {str(tmp_path / 'b')!r}]\n"
        "from rt_ner.cli import main\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 2
    assert "training needs torch: pip install" in result.stderr
    assert "rt-ner[train]" in result.stderr

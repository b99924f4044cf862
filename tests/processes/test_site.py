"""The site is built without a warning, and its pages need nothing from the internet."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

import offline_training
import rt_ner
from rt_ner.cli import Commands

ROOT = Path(__file__).resolve().parents[2]
# What a browser loads by itself, unlike a link that somebody may follow.
LOADED = re.compile(r"""<(?:script|img|iframe)[^>]*\ssrc="?(?:https?:)?//|<link[^>]*href="?//
    |<link[^>]*rel="?(?:stylesheet|preconnect|icon)[^>]*href="?https?:
    |url\(["']?https?:|@import""", re.VERBOSE)  # fmt: skip


@pytest.fixture(scope="module")
def site(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    if not all(map(find_spec, ("mkdocs", "material", "mkdocstrings"))):
        pytest.skip("the site's packages are not installed: pip install -e '.[docs]'")
    return made_once("site", build)


def build(folder: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr


def test_pages_load_nothing_from_the_internet(site: Path) -> None:
    pages = [path for ending in ("html", "css") for path in site.rglob(f"*.{ending}")]
    assert len(pages) > 30
    assert [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))] == []


def test_each_command_option_and_public_name_is_in_the_reference(site: Path) -> None:
    commands = (site / "reference" / "command_line.html").read_text(encoding="utf-8")
    for panel in Commands.panels.values():
        for name in panel:
            assert f'id="rt-ner-{name}"' in commands
    assert "<code>--record-as SUBJECT/SESSION/TASK</code>" in commands
    for package in (rt_ner, offline_training):
        page = (site / "reference" / f"{package.__name__}.html").read_text(encoding="utf-8")
        for name in package.__all__:
            assert f'id="{package.__name__}.{name}"' in page or name == "__version__"


def test_each_setting_is_in_the_reference(site: Path) -> None:
    page = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    shown = re.sub(r"<[^>]+>", "", page)
    for path in (ROOT / "configs").glob("*.toml"):
        for key in re.findall(r"^(\w+) = ", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{key} = ", shown, re.MULTILINE), key


@pytest.mark.parametrize(
    "word", ["ReFIT", "dejitter", "PsychoPy", "KeyError", "BundleError", "grace_ms"]
)
def test_the_search_finds_it(site: Path, word: str) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert any(word in page["text"] or word in page["title"] for page in index["docs"])

"""The pages: every link, picture and command in them is there; the README is short."""

import doctest
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
AT_THE_TOP = ("README", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT")
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / f"{name}.md" for name in AT_THE_TOP)])
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
# Pages that are made from the code and the notebooks when the site is built.
MADE = re.compile(
    r"(reference|notebooks)/\w+\.md|(index|contributing|security|code_of_conduct|changelog)\.md"
)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Anchors of a page: of its headings, as GitHub makes them, and those it names itself."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
    return frozenset(slugs | set(re.findall(r'<a id="([^"]+)">', prose(page))))


def links(page: Path) -> Iterator[tuple[bool, str, str]]:
    """Yield each link of a page: True if it is a picture, its text, its target."""
    for mark, text, target in LINK.findall(prose(page)):
        yield mark == "!", text, target
        # A picture may be the text of a link.
        yield from ((inner == "!", said, to) for inner, said, to in LINK.findall(text))


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    return (
        there.is_relative_to(ROOT) and there.is_file() and (not anchor or anchor in anchors(there))
    )


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    inside = [target for *_, target in links(page) if not target.startswith("https://")]
    assert [target for target in inside if not leads_somewhere(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_picture_says_in_words_what_it_shows(page: Path) -> None:
    assert [target for is_picture, text, target in links(page) if is_picture and not text] == []
    assert "<img" not in prose(page)


def test_every_page_has_its_place_in_the_site() -> None:
    plan = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    planned = re.findall(r"[\w/]+\.md", plan)
    written = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert len(planned) == len(set(planned))
    assert {name for name in planned if not MADE.fullmatch(name)} == written


def test_the_readme_can_be_read_in_two_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    offered = {entry.name for entry in entry_points(group="rt_ner.commands")}
    overview = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert offered <= set(re.findall(r"rt-ner ([a-z-]*[a-z])", overview))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = " ".join([*BLOCK.findall(text), *re.findall(r"`[^`\n]+`", prose(page))])
        assert set(re.findall(r"rt-ner ([a-z-]*[a-z])", shown)) <= offered, named(page)


def test_every_message_in_troubleshooting_is_one_of_ours() -> None:
    """A message may be quoted in part; ``…`` stands for what varies."""
    folders = [ROOT / name for name in ("rt_ner", "drivers", "offline_training")]
    files = [path for folder in (*folders, DOCS / "bridges") for path in folder.rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    # As they read: the parts of a string joined, what is put in as "…".
    code = re.sub(r'"\s*\n\s*f?"', "", code)
    for _ in range(2):
        code = re.sub(r"\{[^{}]*\}", "…", code)
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*?) \|", page, re.MULTILINE)
    quoted = [message for row in rows for message in re.findall(r'"([^"]+)"', row)]
    assert len(quoted) > 50
    parts = [message.strip("… ").split("…") for message in quoted]
    patterns = [".{0,60}?".join(map(re.escape, each)) for each in parts]
    assert [one for one in patterns if not re.search(one, code)] == []


def test_every_bridge_is_short_and_shown_on_its_page() -> None:
    files = sorted((DOCS / "bridges").glob("*.py"))
    page = (DOCS / "bridges.md").read_text(encoding="utf-8")
    for path in files:
        assert f"```python\n--8<--\n{named(path)}\n--8<--\n```" in page
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 30, path


def test_the_example_of_a_decision_is_true() -> None:
    page = str(DOCS / "decisions" / "integer_time.md")
    assert doctest.testfile(page, module_relative=False) == doctest.TestResults(0, 4)

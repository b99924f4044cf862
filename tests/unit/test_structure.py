"""The shape of the code: small files, small folders, short functions, plain words, no cycles."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rt_ner", "drivers", "offline_training")
FILES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})
ODD = ("What ", "Whether ", "Who ", "Told", "How ")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_250_lines() -> None:
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: n for name, n in lengths.items() if n > 250} == {}


def test_no_package_has_more_than_six_files_at_its_root() -> None:
    counts = {named(folder): len(list(folder.glob("*.py"))) for folder in FOLDERS}
    assert {name: n for name, n in counts.items() if n > 6} == {}


def test_functions_are_short() -> None:
    lengths = sorted(
        (node.end_lineno or 0) - node.lineno + 1
        for path in FILES
        for node in definitions(parsed(path))
    )
    assert lengths[int(0.9 * len(lengths))] <= 20
    assert lengths[-1] <= 80


def test_each_package_says_in_one_line_what_it_owns() -> None:
    for folder in FOLDERS:
        doc = ast.get_docstring(parsed(folder / "__init__.py")) or ""
        assert re.match(r"[A-Z].*\.$", doc.split("\n")[0]), named(folder)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_docstrings_read_as_a_native_speaker_writes_them(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = (ast.get_docstring(node) or "").split("\n")[0]
            assert not first.startswith(ODD), first


def imports_at_load(path: Path) -> Iterator[str]:
    """Modules of the project that are imported when a file is loaded."""
    for node in parsed(path).body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_module_imports_itself_in_a_circle() -> None:
    modules = {
        named(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in FILES
    }
    edges = {
        name: {other for other in imports_at_load(path) if other in modules and other != name}
        for name, path in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in sorted(edges[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in modules:
        visit(name, ())

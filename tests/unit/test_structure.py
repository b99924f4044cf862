"""The shape of the code: small files, small folders, short functions, plain words, no cycles."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rt_ner", "drivers", "offline_training")
FILES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
ODD = re.compile(r'"""(What|Whether|Who|Told|How)\b.*')


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


class Facts(NamedTuple):
    """Facts about a file that the tests need; its syntax tree is large, and is not kept."""

    function_lengths: list[int]
    first_line: str
    imports_at_load: set[str]


def facts_of(path: Path) -> Facts:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTION)]
    return Facts(
        [(node.end_lineno or 0) - node.lineno + 1 for node in functions],
        (ast.get_docstring(tree) or "").split("\n")[0],
        set(imports_at_load(tree)),
    )


def imports_at_load(tree: ast.Module) -> Iterator[str]:
    """Modules of the project that are imported when a file is loaded."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def facts() -> dict[Path, Facts]:
    return {path: facts_of(path) for path in FILES}


def test_no_file_is_longer_than_250_lines() -> None:
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: n for name, n in lengths.items() if n > 250} == {}


def test_no_package_has_more_than_six_files_at_its_root() -> None:
    counts = {named(folder): len(list(folder.glob("*.py"))) for folder in FOLDERS}
    assert {name: n for name, n in counts.items() if n > 6} == {}


def test_functions_are_short(facts: dict[Path, Facts]) -> None:
    lengths = sorted(length for of_file in facts.values() for length in of_file.function_lengths)
    assert lengths[int(0.9 * len(lengths))] <= 20
    assert lengths[-1] <= 80


def test_each_package_says_in_one_line_what_it_owns(facts: dict[Path, Facts]) -> None:
    for folder in FOLDERS:
        first_line = facts[folder / "__init__.py"].first_line
        assert re.match(r"[A-Z].*\.$", first_line), named(folder)


def test_docstrings_read_as_a_native_speaker_writes_them() -> None:
    files = [*FILES, *(ROOT / "tests").rglob("*.py")]
    odd = {named(path): ODD.findall(path.read_text(encoding="utf-8")) for path in files}
    assert {name: found for name, found in odd.items() if found} == {}


def test_no_module_imports_itself_in_a_circle(facts: dict[Path, Facts]) -> None:
    modules = {
        named(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in FILES
    }
    edges = {
        name: {other for other in facts[path].imports_at_load if other in modules and other != name}
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

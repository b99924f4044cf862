"""Bring what lies outside of docs/, and what is generated from the code, into the site.

MkDocs loads this file as a hook. Nothing that it makes is written into the repository.
"""

import re
from posixpath import dirname, join, normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files
from notebook_pages import notebook_pages
from reference_pages import ROOT, pages

# Files of the repository that belong to the site, and their places in it.
PICTURES = [
    path.name for ending in ("png", "webp") for path in (ROOT / ".github").glob(f"*.{ending}")
]
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "CITATION.cff": "CITATION.cff",
    "LICENSE": "LICENSE.txt",
    **{f".github/{name}": f"images/{name}" for name in PICTURES},
}
_INSIDE = {place: name for name, place in OUTSIDE.items()}
_LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)\s]*)?\))")
# A mark for our tests, which Markdown does not know: run the lines side by side.
_TERMINALS = "```sh terminals\n"
_SHOWN_AS = '```sh title="Each line in its own terminal"\n'


def on_files(files: Files, config: Any) -> Files:
    """Add the files from outside of docs/ and the pages made from the code and the notebooks."""
    for name, place in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / name)))
    for place, text in (pages() | notebook_pages()).items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Make links between files of the repository links between pages of the site."""
    place = page.file.src_uri
    name = _INSIDE.get(place, f"docs/{place}")

    def linked(match: re.Match[str]) -> str:
        target = normpath(join(dirname(name), match[2]))
        found = OUTSIDE.get(target, target.removeprefix("docs/"))
        if found.startswith("notebooks/") and not place.startswith("notebooks/"):
            found = found.replace(".py", ".md")
        return match[1] + relpath(found, dirname(place) or ".") + match[3]

    return _LINK.sub(linked, markdown).replace(_TERMINALS, _SHOWN_AS)

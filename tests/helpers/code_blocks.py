"""Code that the pages show, as modules."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_blocks(page: str, heading: str) -> list[str]:
    """Return the blocks of Python below a heading of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return BLOCK.findall(text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0])


def shown_module(heading: str, patch: pytest.MonkeyPatch) -> ModuleType:
    """Return the worked example of CONTRIBUTING.md below a heading, loaded as a module."""
    (block,) = code_blocks("CONTRIBUTING.md", heading)
    assert len(block.splitlines()) <= 60
    module = ModuleType(f"shown_{heading.lower().replace(' ', '_')}")
    # Dataclasses look for their own module.
    patch.setitem(sys.modules, module.__name__, module)
    exec(compile(block, f"CONTRIBUTING.md: {heading}", "exec"), module.__dict__)
    return module

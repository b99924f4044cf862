"""The bridges end in words a user can act on, with stand-ins for what they import."""

import runpy
import sys
from pathlib import Path
from types import ModuleType

import pytest

BRIDGES = Path(__file__).resolve().parents[2] / "docs" / "bridges"


class Line:
    """A serial line that goes away after two bytes."""

    def __init__(self, port: str, rate: int) -> None:
        self.n_written = 0

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, content: bytes) -> None:
        self.n_written += len(content)
        if self.n_written > 2:
            raise OSError("write failed: [Errno 5] Input/output error")


class Absent(Line):
    """A serial line that is not there."""

    def __init__(self, port: str, rate: int) -> None:
        raise OSError(f"could not open port {port}")


class Velocity:
    """A velocity that comes without end."""

    def __init__(self, source_id: str) -> None:
        self.source_id = source_id

    def pull(self, wait_s: float) -> list[tuple[list[float], float]]:
        return [([1.0, 0.0], 0.0)]


@pytest.mark.parametrize(
    ("line", "said"), [(Line, "write failed"), (Absent, "could not open port COM3")]
)
def test_a_serial_line_that_goes_away_ends_the_bridge_with_a_sentence(
    line: type[Line], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("serial", {"Serial": line}), ("velocity", {"Velocity": Velocity})):
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "argv", ["serial_line.py", "rt-ner@rig1/velocity", "COM3"])
    with pytest.raises(SystemExit, match=f"the line does not answer: {said}.*check its cable"):
        runpy.run_path(str(BRIDGES / "serial_line.py"), run_name="__main__")

"""liblsl's own settings file is found without a home, too."""

import os
import sys

import pytest

from rt_ner.lsl.streams import lsl_config_file


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no users by number")
def test_a_user_whom_the_system_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "LSLAPICFG"):
        monkeypatch.delenv(name, raising=False)
    assert not str(lsl_config_file()).startswith(os.sep + "home")

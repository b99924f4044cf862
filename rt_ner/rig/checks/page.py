"""Find what this computer lacks for the rig's page."""

import socket
from collections.abc import Sequence
from importlib.util import find_spec

from rt_ner.rig.file.sections import PageSettings
from rt_ner.rig.plan.part import PAGE

_NEEDS = ("starlette", "uvicorn")


def page_findings(settings: PageSettings, running: Sequence[str]) -> list[str]:
    """Return what is wrong with the page, one line each; none if it runs already or is not wanted.

    Parameters
    ----------
    settings
        Settings of the page.
    running
        Names of the parts that run already.

    Returns
    -------
    list[str]
        One line for each problem, with the remedy.

    """
    if not settings.enabled or PAGE in running:
        return []
    if missing := [package for package in _NEEDS if not find_spec(package)]:
        return [
            f"the page needs {' and '.join(missing)}: pip install 'rt-ner[rig]', or set enabled = "
            "false under [page]"
        ]
    try:
        listening_socket(settings.address, settings.port).close()
    except OSError as error:
        return [
            f"the page can't be served at {settings.address}, port {settings.port} ({error}): set "
            "another port or address under [page]"
        ]
    return []


def listening_socket(address: str, port: int, n_waiting: int = 16) -> socket.socket:
    """Return a socket that listens; OSError if the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=n_waiting)

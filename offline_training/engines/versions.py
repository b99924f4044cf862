"""Compare the versions of the packages that determine a fit's numbers."""

import platform
import socket
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from rt_ner.core.errors import ConfigError

_PACKAGES = ("rt-ner", "distributed", "numba", "numpy", "scikit-learn", "scipy", "torch")


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that fits use."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def check_versions(of_client: dict[str, str]) -> None:
    """Raise ConfigError if this worker's versions differ from those of the client."""
    here = versions()
    differ = [
        f"{name} is {here.get(name)} there and {ours} here"
        for name, ours in of_client.items()
        if here.get(name) != ours
    ]
    if differ:
        raise ConfigError(
            f"the worker on {socket.gethostname()} has other versions than this computer: "
            f"{', '.join(differ)}: install the same versions on both, or their numbers would differ"
        )

"""Compile functions with Numba, and keep what was compiled in a folder that can be written.

Numba itself keeps it beside the source, fails where that can't be written, and looks at that one
source file alone. Here the key is all that a kernel is made of: its file, the kernels that it calls
and the constants and classes that it names, wherever they are defined, and the packages' versions.
The processor is in Numba's own key.
"""

import functools
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core.caching import FunctionCache, NullCache

from rt_ner.core.compiled.cache_folder import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])

_NUMBA: Any = numba
prange = _NUMBA.prange
_Cache: Any = FunctionCache
_Nothing: Any = NullCache
_VERSIONS = (numba.__version__, sys.modules["llvmlite"].__version__, np.__version__)
# Several versions of rt-ner may share a home.
_KEPT = 3
_KEY = "kernel_key"
_LOG = logging.getLogger("rt_ner")


def njit(*, cache: bool, parallel: bool = False) -> Callable[[Function], Function]:
    """Return a decorator that compiles a function when it is first called.

    Parameters
    ----------
    cache
        True to keep the compiled function for the next start.
    parallel
        True to run loops over `prange` in parallel.

    """

    def decorate(function: Function) -> Function:
        kernel: Any = _NUMBA.njit(parallel=parallel)(function)
        key = kernel_key(function)
        setattr(function, _KEY, key)
        if cache:
            kernel._cache = _cache_of(function, key)
        return kernel  # type: ignore[no-any-return]

    return decorate


def kernel_key(function: Callable[..., Any]) -> str:
    """Return a hash of everything that the compiled function depends on but the processor."""
    parts = [*_VERSIONS, _file_hash(function.__code__.co_filename), *sorted(_named(function))]
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


class _KernelCache(_Cache):  # type: ignore[misc]
    """Numba's cache in our folder; what can't be read or written there is compiled anew."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function; None if it is not there, or damaged."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 - a damaged file fails in any way that pickle can
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the compiled function, unless the disk refuses."""
        _tell_once(cache_folder().notice)
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _tell_once(
                f"compiled code can't be kept in {cache_folder().path} ({error.strerror}): every "
                "start compiles anew; free space there, or set NUMBA_CACHE_DIR to another folder"
            )


class _NoCache(_Nothing):  # type: ignore[misc]
    """No cache, because no folder can be written."""

    def save_overload(self, sig: Any, data: Any) -> None:  # noqa: ARG002
        """Keep nothing, and say so."""
        _tell_once(cache_folder().notice)


@functools.cache
def _tell_once(notice: str) -> None:
    if notice:
        _LOG.warning("rt-ner: %s", notice)


def _cache_of(function: Callable[..., Any], key: str) -> Any:
    base = cache_folder().path
    if base is None:
        return _NoCache()
    name = f"{function.__module__}.{function.__qualname__}".replace("<", "").replace(">", "")
    folder = base / "kernels" / name / key
    configured = _NUMBA.config.CACHE_DIR
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            _remove_old(folder.parent)
        _NUMBA.config.CACHE_DIR = str(folder)
        return _KernelCache(function)
    except (OSError, RuntimeError):
        # Another user's folder, or a disk that has just filled up.
        return _NoCache()
    finally:
        _NUMBA.config.CACHE_DIR = configured


def _remove_old(folder: Path) -> None:
    """Remove what was compiled from older sources."""
    newest_first = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest_first[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _named(function: Callable[..., Any]) -> Iterator[str]:
    """Yield a description of each thing that a function names outside itself."""
    known = function.__globals__
    for name in set(_names(function.__code__)):
        if name in known:
            yield f"{name} {_described(known[name])}"
    for name, value in function.__annotations__.items():
        yield f"{name}: {_described(value)}"


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _described(value: Any) -> str:
    """Return the hash of a kernel, of the file that defines a class, or a constant itself."""
    if key := getattr(getattr(value, "py_func", None), _KEY, ""):
        return str(key)
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    if isinstance(value, ModuleType):
        return _module_hash(value.__name__)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__qualname__} {_module_hash(value.__module__)}"
    return repr(value)


@functools.cache
def _module_hash(name: str) -> str:
    return _file_hash(getattr(sys.modules.get(name), "__file__", None) or "")


@functools.cache
def _file_hash(path: str) -> str:
    try:
        return sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        # Built into Python: its version is in Numba's file names.
        return path

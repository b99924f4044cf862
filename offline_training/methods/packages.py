"""Packages: what only some methods take, and that may not be installed."""

import warnings
from importlib import import_module, util
from types import ModuleType

from rt_ner.core.errors import ConfigError

# The name to install, where it is not the name to import.
_DISTRIBUTIONS = {"umap": "umap-learn"}


def optional_package(name: str) -> ModuleType:
    """The package; ConfigError with the remedy where it is not installed."""
    if util.find_spec(name) is None:
        remedy = f"pip install {_DISTRIBUTIONS.get(name, name)}"
        raise ConfigError(f"package '{name}' is not installed, and this method needs it: {remedy}")
    with warnings.catch_warnings():
        # They warn of what they in turn could do with, and cebra's loss is compiled in a way that
        # torch would rather see changed: nothing that a user of theirs can mend.
        warnings.simplefilter("ignore", ImportWarning)
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        return import_module(name)

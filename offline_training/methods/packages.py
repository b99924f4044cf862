"""Import packages that only some methods need and that may not be installed."""

import warnings
from importlib import import_module, util
from types import ModuleType

from rt_ner.core.errors import ConfigError

# Names to install, where they differ from the names to import.
_DISTRIBUTIONS = {"umap": "umap-learn"}


def optional_package(name: str) -> ModuleType:
    """Import a package; ConfigError with the remedy if it is not installed."""
    if util.find_spec(name) is None:
        remedy = f"pip install {_DISTRIBUTIONS.get(name, name)}"
        raise ConfigError(f"package '{name}' is not installed: {remedy}")
    with warnings.catch_warnings():
        # They warn of packages that they could use, and torch of the way in which cebra compiles
        # its loss: nothing that a user can mend.
        warnings.simplefilter("ignore", ImportWarning)
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        return import_module(name)

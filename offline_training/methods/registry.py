"""Registry: every method by name. A method's module is imported when the method is asked for."""

import difflib
from collections.abc import Callable, Sequence
from importlib import import_module

from offline_training.methods.method import Method
from offline_training.methods.packages import optional_package
from rt_ner.core.errors import ConfigError

# Module in this package, and the method's name there. In the order in which tables show them.
_PLACES = {
    "ner": ("latent.ner", "NER"),
    "ner-free": ("latent.ner", "NER_FREE"),
    "ner-unit": ("latent.ner", "NER_UNIT"),
    "ner-paper": ("latent.ner", "NER_PAPER"),
    "cebra-3": ("latent.cebra", "CEBRA_3"),
    "cebra-16": ("latent.cebra", "CEBRA_16"),
    "pi-vae": ("latent.pivae", "PI_VAE"),
    "pca": ("latent.linear", "PCA"),
    "lda": ("latent.linear", "LDA"),
    "dpca": ("latent.linear", "DPCA"),
    "umap": ("latent.umap", "UMAP"),
    "wiener": ("decoders.wiener", "WIENER"),
    "kalman": ("decoders.kalman", "KALMAN"),
    "gru": ("decoders.gru", "GRU"),
}
METHOD_NAMES = tuple(_PLACES)


def load_method(name: str) -> Method:
    """The method of that name. Raises ConfigError, naming the nearest, where there is none."""
    if name not in _PLACES:
        nearest = difflib.get_close_matches(name, METHOD_NAMES, n=1, cutoff=0.0)[0]
        raise ConfigError(
            f"unknown method '{name}': did you mean '{nearest}'? Valid: {', '.join(METHOD_NAMES)}"
        )
    module, attribute = _PLACES[name]
    method = getattr(import_module(f"offline_training.methods.{module}"), attribute)
    assert isinstance(method, Method)
    return method


def named_methods(names: Sequence[str]) -> tuple[Method, ...]:
    """The methods asked for. Raises ConfigError where one is unknown or lacks its package."""
    methods = tuple(load_method(name) for name in dict.fromkeys(names))
    for method in methods:
        try:
            _check_package(method)
        except ConfigError as error:
            raise ConfigError(f"method '{method.name}': {error}") from error
    return methods


def installed_methods(tell: Callable[[str], None]) -> tuple[Method, ...]:
    """Every method whose package is installed; ``tell`` is told of the others."""
    methods = []
    for name in METHOD_NAMES:
        method = load_method(name)
        try:
            _check_package(method)
        except ConfigError as error:
            tell(f"{name} is left out: {error}")
        else:
            methods.append(method)
    return tuple(methods)


def _check_package(method: Method) -> None:
    if method.needs:
        optional_package(method.needs)

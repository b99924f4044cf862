"""Registry: every method by name. A method's module is imported when the method is asked for."""

import difflib
from collections.abc import Callable, Sequence
from importlib import import_module

from offline_training.methods.method import Method
from offline_training.methods.names import MethodName
from offline_training.methods.packages import optional_package
from rt_ner.core.errors import ConfigError

# Module in this package, and the method's name there. In the order in which tables show them.
_PLACES: dict[str, tuple[str, str]] = {
    MethodName.NER: ("latent.ner", "NER"),
    MethodName.NER_FREE: ("latent.ner", "NER_FREE"),
    MethodName.NER_UNIT: ("latent.ner", "NER_UNIT"),
    MethodName.NER_PAPER: ("latent.ner", "NER_PAPER"),
    MethodName.CEBRA_3: ("latent.cebra", "CEBRA_3"),
    MethodName.CEBRA_16: ("latent.cebra", "CEBRA_16"),
    MethodName.PI_VAE: ("latent.pivae", "PI_VAE"),
    MethodName.PCA: ("latent.linear", "PCA"),
    MethodName.LDA: ("latent.linear", "LDA"),
    MethodName.DPCA: ("latent.linear", "DPCA"),
    MethodName.UMAP: ("latent.umap", "UMAP"),
    MethodName.WIENER: ("decoders.wiener", "WIENER"),
    MethodName.KALMAN: ("decoders.kalman", "KALMAN"),
    MethodName.GRU: ("decoders.gru", "GRU"),
}
METHOD_NAMES = tuple(MethodName)


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

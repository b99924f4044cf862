"""Find methods by name."""

from collections.abc import Callable, Sequence

from offline_training.methods.decoders.gru import GRU
from offline_training.methods.decoders.kalman import KALMAN
from offline_training.methods.decoders.wiener import WIENER
from offline_training.methods.latent.cebra import CEBRA_3, CEBRA_16
from offline_training.methods.latent.linear import DPCA, LDA, PCA
from offline_training.methods.latent.ner import NER, NER_FREE, NER_PAPER, NER_UNIT
from offline_training.methods.latent.pivae import PI_VAE
from offline_training.methods.latent.umap import UMAP
from offline_training.methods.method import Method
from offline_training.methods.names import MethodName
from offline_training.methods.packages import optional_package
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import unknown_name

METHOD_NAMES = tuple(MethodName)
_METHODS = {
    method.name: method
    for method in (
        NER, NER_FREE, NER_UNIT, NER_PAPER, CEBRA_3, CEBRA_16, PI_VAE, PCA, LDA, DPCA, UMAP,
        WIENER, KALMAN, GRU,
    )
}  # fmt: skip


def load_method(name: str) -> Method:
    """Return the method of a name; ConfigError, naming the nearest, if there is none."""
    if name not in _METHODS:
        raise ConfigError(unknown_name("method", name, METHOD_NAMES))
    return _METHODS[name]


def named_methods(names: Sequence[str]) -> tuple[Method, ...]:
    """Return methods by name; ConfigError if one is unknown or lacks its package."""
    methods = tuple(load_method(name) for name in dict.fromkeys(names))
    for method in methods:
        try:
            _check_package(method)
        except ConfigError as error:
            raise ConfigError(f"method '{method.name}': {error}") from error
    return methods


def installed_methods(tell: Callable[[str], None]) -> tuple[Method, ...]:
    """Return every method whose package is installed; ``tell`` receives a line on each other."""
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
    """Raise ConfigError if the method's package is not installed."""
    if method.needs:
        optional_package(method.needs)

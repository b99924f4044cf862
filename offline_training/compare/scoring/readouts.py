"""Read out outputs from a method's values: linear, by nearest neighbours, or directly."""

from collections.abc import Callable

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from offline_training.methods.method import Method
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.decoding.readouts.readout import fit_readout
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score

# Values (hop, dims) to outputs (hop, output).
Decode = Callable[[Float32Array], FloatArray]
_NEIGHBOURS = (5, 15, 50, 150)
_VALIDATION = 0.2


def readouts_of(method: Method) -> tuple[str, ...]:
    """Return the names of the readouts that a method is scored with."""
    return ("own",) if method.direct else ("linear", "knn")


def fit_named(name: str, values: Float32Array, labels: Labels) -> Decode:
    """Fit a readout, by its name, to training values ``(hop, dims)``."""
    return {"linear": fit_linear, "knn": fit_neighbours, "own": _own}[name](values, labels)


def fit_linear(latents: Float32Array, labels: Labels) -> Decode:
    """Fit the live decoder's readout."""
    readout = fit_readout(latents, labels.values, labels.outputs)

    def decode(latents: Float32Array) -> FloatArray:
        values = np.zeros((len(latents), len(labels.outputs)), dtype=np.float32)
        for latent, outputs in zip(latents, values, strict=True):
            readout.decode(latent, outputs)
        return values.astype(np.float64)

    return decode


def fit_neighbours(latents: Float32Array, labels: Labels) -> Decode:
    """Decode as the mean outputs of the nearest training latents (Euclidean).

    The number of neighbours is chosen by R² on the last fifth of the training trials,
    decoded from the others. The encoder has learned from that fifth too.
    """
    trials = np.unique(labels.trial)
    is_early = labels.trial < trials[-max(int(_VALIDATION * trials.size), 1)]
    early = latents[is_early], labels.values[is_early]
    late = latents[~is_early], labels.values[~is_early]
    possible = [n for n in _NEIGHBOURS if n <= len(early[0])] or [1]
    scores = [r2_score(late[1], _neighbours(n, *early)(late[0])) for n in possible]
    return _neighbours(possible[int(np.argmax(scores))], latents, labels.values)


def _neighbours(n: int, latents: Float32Array, values: FloatArray) -> Decode:
    regressor = KNeighborsRegressor(n_neighbors=n).fit(latents, values)
    return lambda latents: np.asarray(regressor.predict(latents), dtype=np.float64)


def _own(_values: Float32Array, _labels: Labels) -> Decode:
    """Return the values of a direct decoder, which are the outputs."""
    return lambda values: values.astype(np.float64)

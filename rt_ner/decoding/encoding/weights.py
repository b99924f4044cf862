"""EncoderWeights: the encoder's weights as plain arrays, beside the graph that holds the same network."""

import io
import zipfile
from dataclasses import dataclass, fields

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.core.errors import BundleError


@dataclass(frozen=True, eq=False)
class EncoderWeights:
    """A perceptron of three weights over smoothed square roots of counts; all float32.

    ``basis``: ``(bin, bump)``, newest bin last; ``first``: ``(channel, bump · hidden)``, the
    standardisation folded in; ``second``: ``(hidden, hidden)``; ``latent``: ``(hidden, latent)``.
    """

    basis: Float32Array
    first: Float32Array
    first_bias: Float32Array
    second: Float32Array
    second_bias: Float32Array
    latent: Float32Array
    latent_bias: Float32Array

    def __post_init__(self) -> None:
        bumps = self.basis.shape[1] if self.basis.ndim == 2 else 0
        fits = (
            self.first.shape[1:] == (bumps * self.first_bias.size,)
            and self.second.shape == (self.first_bias.size, self.second_bias.size)
            and self.latent.shape == (self.second_bias.size, self.latent_bias.size)
        )
        if not fits or any(value.dtype != np.float32 for value in vars(self).values()):
            raise BundleError("the weights don't fit one another: train the bundle again")

    @property
    def n_bins(self) -> int:
        """Bins of a window."""
        return len(self.basis)

    @property
    def n_channels(self) -> int:
        """Channels of a window."""
        return len(self.first)


def weights_page(weights: EncoderWeights) -> bytes:
    """The weights as an ``.npz``."""
    content = io.BytesIO()
    np.savez(content, **vars(weights))
    return content.getvalue()


def read_weights(content: bytes) -> EncoderWeights:
    """What `weights_page` wrote. BundleError if it is anything else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            named = {field.name: np.ascontiguousarray(arrays[field.name]) for field in _FIELDS}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(f"the weights can't be read ({error}): train the bundle again") from error
    return EncoderWeights(**named)


_FIELDS = fields(EncoderWeights)

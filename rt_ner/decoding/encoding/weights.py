"""Keep the encoder's weights as plain arrays, beside the graph of the same network."""

import io
import zipfile
from dataclasses import dataclass, fields

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.core.errors import BundleError


@dataclass(frozen=True, eq=False)
class EncoderWeights:
    """The weights of a three-layer perceptron over smoothed square roots of counts, all float32.

    Attributes
    ----------
    basis
        Temporal basis of the first layer, ``(bin, bump)``, newest bin last.
    first
        Weights of the first layer, with the standardisation folded in,
        ``(channel, bump · hidden)``.
    second
        Weights of the second layer, ``(hidden, hidden)``.
    latent
        Weights of the last layer, ``(hidden, latent)``.
    first_bias, second_bias, latent_bias
        Biases of the layers, ``(hidden,)``, ``(hidden,)`` and ``(latent,)``.

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
            raise BundleError("the encoder's weights don't fit one another: train the bundle again")

    def __repr__(self) -> str:
        return (
            f"<EncoderWeights: {self.n_bins} bins, {self.n_channels} channels, "
            f"{self.latent_bias.size} latents>"
        )

    @property
    def n_bins(self) -> int:
        """Number of bins in a window."""
        return len(self.basis)

    @property
    def n_channels(self) -> int:
        """Number of channels in a window."""
        return len(self.first)


def weights_page(weights: EncoderWeights) -> bytes:
    """Return the weights as the content of an ``.npz`` file."""
    content = io.BytesIO()
    np.savez(content, **vars(weights))
    return content.getvalue()


def read_weights(content: bytes) -> EncoderWeights:
    """Read the weights from the content of an ``.npz`` file; BundleError if it holds none."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            named = {field.name: np.ascontiguousarray(arrays[field.name]) for field in _FIELDS}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"the encoder's weights can't be read ({error}): train the bundle again"
        ) from error
    return EncoderWeights(**named)


_FIELDS = fields(EncoderWeights)

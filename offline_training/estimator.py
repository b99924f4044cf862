"""NER as a scikit-learn estimator: arrays in, arrays out."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from offline_training.dataset.arrays import ROW_NS, labels_of, training_rows, unlabelled_rows
from offline_training.ner.distillation import train_encoder
from offline_training.ner.networks.encoder_network import embed
from offline_training.options import pick_device
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import FloatArray
from rt_ner.core.settings import checked_settings
from rt_ner.decoding.readouts.readout import fit_readout


class NER(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    RegressorMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Neural Embeddings Rank: latents of binned spikes, ordered by the movement.

    Rows of the arrays are bins that follow one another in time, such as 30 ms each. The encoder
    sees the last ``history_bins`` rows and none of the future. It is trained as
    `offline_training.train` does it, which also makes a decoder for live use.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    history_bins : int
        Number of rows that the encoder sees, the newest included.
    steps : int
        Training steps. With 20 trials or more, a second encoder leaves out a tenth of them; if it
        decoded those clearly better before the end, the encoder of that moment is taken.
    batch : int
        Anchors per step and member, each with a partner.
    learning_rate : float
        Learning rate at its peak.
    members : int
        Number of encoders that learn side by side.
    distillation_steps : int
        With several members: steps in which one encoder learns to reproduce their average.
    temperature : float
        Temperature of the loss: distances of latents are divided by it.
    velocity_scale : float
        Label distance per unit of velocity difference; the default suits cm/s.
    direction_scale : float
        Label distance per degree of direction difference.
    device : str
        ``"cpu"``, ``"cuda"``, or ``"auto"`` for the GPU if there is one.
    random_state : int, RandomState instance or None
        Seed; an int gives the same result each time on the same computer.

    Attributes
    ----------
    n_features_in_ : int
        Number of channels.
    validation_r2_ : float or None
        R² of velocity on training trials that the second encoder left out; None without ``trial``,
        or with fewer than 20 trials.

    Notes
    -----
    The first ``history_bins − 1`` rows that are transformed have no full history. Their windows are
    filled with copies of the first row, so their latents are a guess; `fit` ignores such rows.

    Examples
    --------
    >>> import numpy as np
    >>> from offline_training import NER
    >>> rng = np.random.default_rng(0)
    >>> velocity = np.cumsum(rng.normal(size=(400, 2)), axis=0)
    >>> counts = rng.poisson(np.exp(velocity @ rng.normal(size=(2, 16)) / 20))
    >>> encoder = NER(history_bins=4, steps=20, members=1).fit(counts, velocity)
    >>> encoder.transform(counts).shape, encoder.predict(counts).shape
    ((400, 3), (400, 2))

    """

    def __init__(  # noqa: PLR0913 - scikit-learn takes parameters one by one
        self,
        latent_dim: int = 3,
        *,
        history_bins: int = 20,
        steps: int = 800,
        batch: int = 128,
        learning_rate: float = 4e-3,
        members: int = 1,
        distillation_steps: int = 2000,
        temperature: float = 1.0,
        velocity_scale: float = 1.0,
        direction_scale: float = 0.05,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.latent_dim = latent_dim
        self.history_bins = history_bins
        self.steps = steps
        self.batch = batch
        self.learning_rate = learning_rate
        self.members = members
        self.distillation_steps = distillation_steps
        self.temperature = temperature
        self.velocity_scale = velocity_scale
        self.direction_scale = direction_scale
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,  # noqa: N803 - scikit-learn's name
        y: npt.ArrayLike,
        direction_deg: npt.ArrayLike | None = None,
        trial: npt.ArrayLike | None = None,
    ) -> Self:
        """Train the encoder, and a linear readout of velocity from its latents.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_channels)
            Spike counts per bin, not negative.
        y : array-like of shape (n_rows, n_outputs) or (n_rows,)
            Values at the end of each bin. One or two columns are a velocity; 3 to 16 are outputs
            of any kind, each brought to a scale of its own.
        direction_deg : array-like of shape (n_rows,), optional
            Direction of the reach in degrees. Default: not used.
        trial : array-like of int, shape (n_rows,), optional
            Number of the trial, the same in consecutive rows; negative between trials, where rows
            are only history. Default: all rows are one trial.

        Returns
        -------
        NER
            The fitted estimator.

        Raises
        ------
        ValueError
            If the arrays don't fit together, or hold too little to train on.
        ConfigError
            If a parameter is out of range, the device is absent, or training diverges.

        """
        counts, velocity = validate_data(self, X, y, multi_output=True, y_numeric=True)
        check_non_negative(counts, "NER.fit")
        settings, device = self._settings(), pick_device(self.device)
        labels = labels_of(velocity.astype(np.float64), direction_deg, trial)
        dataset = training_rows(counts, labels, self.history_bins)
        learned = train_encoder(dataset, settings, ROW_NS, device, lambda *_: None)
        # In double precision latents don't depend on the rows that are transformed with them.
        self._network = learned.network.cpu().double()
        latents = embed(self._network, dataset)
        self._readout = fit_readout(latents, dataset.labels.values, dataset.labels.outputs)
        self._velocity_shape = velocity.shape[1:]
        self.validation_r2_ = learned.validation_r2
        return self

    def transform(self, X: npt.ArrayLike) -> FloatArray:  # noqa: N803
        """Return the latents of binned spikes.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_channels)
            Spike counts per bin, consecutive in time.

        Returns
        -------
        ndarray of float64, shape (n_rows, latent_dim)
            Latents. Those of the first ``history_bins − 1`` rows are a guess: see Notes.

        """
        check_is_fitted(self)
        counts = validate_data(self, X, ensure_non_negative=True, reset=False)
        rows = unlabelled_rows(counts, self.history_bins)
        return np.asarray(embed(self._network, rows), dtype=np.float64)

    def predict(self, X: npt.ArrayLike) -> FloatArray:  # noqa: N803
        """Return the outputs that the readout gives for binned spikes.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_channels)
            Spike counts per bin, consecutive in time.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_outputs) or (n_rows,)
            Outputs, in the shape and units that `fit` was given.

        """
        latents = self.transform(X)
        velocity = self._readout.mapped(latents)
        n_axes = int(np.prod(self._velocity_shape))
        return velocity[:, :n_axes].reshape(-1, *self._velocity_shape)

    @property
    def _n_features_out(self) -> int:
        return self.latent_dim

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _settings(self) -> TrainSettings:
        """Return the parameters as settings of a training."""
        seed = self.random_state
        if not isinstance(seed, int):
            seed = int(check_random_state(seed).randint(2**31))
        content: dict[str, Any] = {
            "seed": seed,
            "latent_dim": self.latent_dim,
            "steps": self.steps,
            "batch": self.batch,
            "learning_rate": self.learning_rate,
            "window": {"history_bins": self.history_bins},
            "loss": {
                "temperature": self.temperature,
                "velocity_scale": self.velocity_scale,
                "direction_scale": self.direction_scale,
            },
            "ensemble": {"members": self.members, "distillation_steps": self.distillation_steps},
        }
        return checked_settings(content, TrainSettings, "NER")

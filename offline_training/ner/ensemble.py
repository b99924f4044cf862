"""Train an ensemble: encoders that learn side by side from one session, or several at once.

All members learn from all trials. One encoder more, the witness, leaves some trials out, and tells
how well the others decode trials that they have not seen. It is not exported.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import output_scale
from offline_training.dataset.similarity import common_space
from offline_training.ner.networks.descent import Descent, disturbed
from offline_training.ner.networks.encoder_network import EncoderNetwork, member_latents
from offline_training.ner.networks.features import Features
from offline_training.ner.networks.objective import Objective
from offline_training.ner.sampling import RowSampler
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.readouts.readout import Readout, fit_readout
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels, join_labels
from rt_ner.offline.scores import r2_score

# The witness leaves out one trial in ten, where there are at least twice as many.
_FOLDS = 10
_CHECK_STEPS = 40
# Loss of R² on the trials left out from which on an earlier encoder is taken: differences between
# two looks are smaller. From the larger loss on, lasting for so many steps, learning ends.
_OVERFITTED, _LOST, _PATIENT_STEPS = 0.02, 0.1, 120
# Hops that such a look decodes; of more, every second or third, and so on.
_MOST_CHECKED = 20_000

# Receives the part done, from 0 to 1, and the newest R² of the trials left out.
OnStep = Callable[[float, float | None], None]


class Ensemble:
    """Encoders that learn side by side from one session, each from batches of its own."""

    def __init__(
        self, dataset: Dataset, settings: TrainSettings, device: torch.device, with_witness: bool
    ) -> None:
        self.dataset = dataset
        self.settings = settings
        self.left_out = np.zeros((settings.ensemble.members, len(dataset.labels)), dtype=np.bool_)
        if with_witness:
            self.left_out = np.concatenate([self.left_out, _every_tenth(dataset.labels)[None]])
        self.network = EncoderNetwork(dataset, settings, len(self.left_out)).to(device)
        self.features = Features(self.network, dataset)
        self._looked_at = np.arange(0, len(self.features), -(-len(self.features) // _MOST_CHECKED))

    def samplers(self, step_ns: int, rng: np.random.Generator) -> list[RowSampler]:
        """Return a sampler per member, of the trials that it does not leave out."""
        return [
            RowSampler(self.dataset.labels, np.flatnonzero(~left_out), step_ns, rng)
            for left_out in self.left_out
        ]

    def average(self, features: torch.Tensor | Features) -> torch.Tensor:
        """Return the members' mean latents ``(batch, latent)``, without dropout."""
        return member_latents(self.network, features).mean(dim=0)

    def witnessed(self) -> tuple[AnyArray, FloatArray, BoolArray]:
        """Return the witness's latents of the hops that are looked at in between.

        Besides latents ``(hop, latent)``, returns the outputs ``(hop, output)`` and which hops are
        of trials that it left out ``(hop,)``.
        """
        rows = self._looked_at
        latents = member_latents(self.network, self.features[rows])[-1].cpu().numpy()
        return latents, self.dataset.labels.values[rows], self.left_out[-1, rows]


@dataclass(frozen=True, eq=False)
class Kept:
    """A trunk and its readout, which stay as they are while the heads of a session learn."""

    weights: EncoderWeights
    readout: Readout


def drawn_per_session(batch: int, n_sessions: int) -> int:
    """Return the number of hops to draw from each of several sessions, where one has a batch.

    Each has a batch divided by the cube root of n, so that all together have more than one.
    """
    return max(2, round(batch / math.cbrt(n_sessions)))


class _Learning:
    """The learning of one session's ensemble, or of those of several, which share their trunk.

    As many anchors are drawn from each session, and the loss compares those of all.
    """

    def __init__(
        self,
        ensembles: Sequence[Ensemble],
        step_ns: int,
        kept: Kept | None = None,
    ) -> None:
        first = ensembles[0]
        self.settings = first.settings
        self._ensembles = ensembles
        for each in ensembles[1:]:
            each.network.share_trunk(first.network)
        self.networks = nn.ModuleList([each.network for each in ensembles])
        rng = np.random.default_rng(self.settings.seed)
        self._samplers = [each.samplers(step_ns, rng) for each in ensembles]
        self._firsts = np.cumsum([0, *(len(each.features) for each in ensembles)])
        labels = join_labels([each.dataset.labels for each in ensembles])
        self._has_witness = bool(first.left_out.any())
        objective = Objective(labels, self.settings, step_ns, len(first.left_out))
        self._objective = objective.to(first.features.device)
        if kept is not None:
            self._keep(kept, labels)
        learned = [*self.networks.parameters(), *self._objective.parameters()]
        self._descent = Descent(
            [each for each in learned if each.requires_grad], self.settings, self.settings.steps
        )

    def _keep(self, kept: Kept, labels: Labels) -> None:
        self._ensembles[0].network.keep_trunk(kept.weights)
        self._objective.keep_readout(kept.readout, output_scale(labels))

    def step(self) -> None:
        """Learn from one batch per member."""
        n_each = drawn_per_session(self.settings.batch, len(self._ensembles))
        drawn = [
            np.stack([np.stack(sampler.draw(n_each)) for sampler in samplers])
            for samplers in self._samplers
        ]
        hidden = torch.cat(
            [self._hidden(*pair) for pair in zip(self._ensembles, drawn, strict=True)], dim=2
        ).flatten(1, 2)
        # (member, anchor or partner, anchor), the sessions' anchors one after the other.
        pairs = zip(drawn, self._firsts, strict=False)
        rows = np.concatenate([own + first for own, first in pairs], axis=2)
        latents = self._ensembles[0].network.latents(hidden)
        self._descent.step(self._objective(hidden, latents, rows.reshape(len(rows), -1)))

    def _hidden(self, ensemble: Ensemble, rows: Int64Array) -> torch.Tensor:
        """Return hidden layers ``(member, 2, anchor, unit)`` of disturbed features."""
        seen = disturbed(ensemble.features[rows.reshape(len(rows), -1)], self.settings)
        ensemble.network.train()
        hidden: torch.Tensor = ensemble.network.hidden(seen)
        return hidden.reshape(*rows.shape, -1)

    def settle(self) -> None:
        """Dismiss the witness; bring the members' latents to one space.

        A similarity is folded into each member's last layer.
        """
        for each in self._ensembles:
            each.network.keep_members(self.settings.ensemble.members)
        layer = self._ensembles[0].network.latent
        if self.settings.ensemble.members == 1 or not layer.weight.requires_grad:
            return
        latents = [member_latents(each.network, each.features) for each in self._ensembles]
        own = torch.cat(latents, dim=1).double().cpu().numpy()
        with torch.no_grad():
            for member, turn in enumerate(common_space(list(own))):
                matrix = torch.tensor(turn.matrix).to(layer.weight)
                layer.weight[member] = layer.weight[member] @ matrix
                layer.bias[member] = layer.bias[member] @ matrix
                layer.bias[member] += torch.tensor(turn.offset).to(matrix)

    def validation_r2(self) -> float | None:
        """Return the R² on the trials that the witness left out; None without one."""
        if not self._has_witness:
            return None
        parts = zip(*(each.witnessed() for each in self._ensembles), strict=True)
        latents, values, left_out = (np.concatenate(each) for each in parts)
        readout = fit_readout(latents[~left_out], values[~left_out])
        return float(r2_score(values[left_out], readout.mapped(latents[left_out])))


def _every_tenth(labels: Labels) -> BoolArray:
    """Return a mask ``(hop,)`` of every tenth trial."""
    _, rank = np.unique(labels.trial, return_inverse=True)
    return np.asarray(rank % _FOLDS == _FOLDS // 2, dtype=np.bool_)


def train_ensemble(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
) -> tuple[Ensemble, float | None]:
    """Train the ensemble of one session, as `train_ensembles` does those of several."""
    ensembles, validation_r2 = train_ensembles([dataset], settings, step_ns, device, on_step)
    return ensembles[0], validation_r2


def train_ensembles(
    datasets: Sequence[Dataset],
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
    kept: Kept | None = None,
) -> tuple[list[Ensemble], float | None]:
    """Train an ensemble per session; return them with the R² on trials that the witness left out.

    All share one trunk. If those trials were clearly decoded better before the end, the encoders of
    that moment are taken. All members' latents are brought to one space. With a ``kept`` trunk and
    readout, only heads are learned, in the space that is theirs.
    """
    torch.manual_seed(settings.seed)
    n_trials = [np.unique(dataset.labels.trial).size for dataset in datasets]
    with_witness = min(n_trials) >= 2 * _FOLDS
    ensembles = [Ensemble(dataset, settings, device, with_witness) for dataset in datasets]
    learning = _Learning(ensembles, step_ns, kept)
    best_r2 = r2 = learning.validation_r2()
    best_step, best = 0, _copied(learning.networks.state_dict())
    for step in range(1, settings.steps + 1):
        learning.step()
        if step % _CHECK_STEPS == 0 or step == settings.steps:
            r2 = learning.validation_r2()
            if r2 is None or best_r2 is None or r2 >= best_r2:
                best_r2, best_step, best = r2, step, _copied(learning.networks.state_dict())
            elif r2 < best_r2 - _LOST and step - best_step >= _PATIENT_STEPS:
                break
        on_step(step / settings.steps, r2)
    if r2 is not None and best_r2 is not None and r2 < best_r2 - _OVERFITTED:
        learning.networks.load_state_dict(best)
        r2 = best_r2
    learning.settle()
    return ensembles, r2


def training_step(
    dataset: Dataset, settings: TrainSettings, step_ns: int, device: torch.device
) -> Callable[[], None]:
    """Return a function that takes one step: sampling, encoders, loss, gradients, optimiser."""
    torch.manual_seed(settings.seed)
    return _Learning([Ensemble(dataset, settings, device, with_witness=False)], step_ns).step


def _copied(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a copy of a network's state."""
    return {name: tensor.clone() for name, tensor in state.items()}

"""Train an ensemble: encoders that learn side by side from one session, or several at once.

All members learn from all trials. One encoder more, the witness, leaves some trials out, and tells
how well the others decode trials that they have not seen. It is not exported.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from offline_training.ner.sharing.members import FOLDS, Ensemble, Kept
from offline_training.ner.sharing.share import Share
from offline_training.ner.sharing.side_by_side import SideBySide
from offline_training.settings import TrainSettings
from rt_ner.offline.dataset import Dataset

_CHECK_STEPS = 40
# Loss of R² on the trials left out from which on an earlier encoder is taken: differences between
# two looks are smaller. From the larger loss on, lasting for so many steps, learning ends.
_OVERFITTED, _LOST, _PATIENT_STEPS = 0.02, 0.1, 120

# Receives the part done, from 0 to 1, and the newest R² of the trials left out.
OnStep = Callable[[float, float | None], None]


def train_ensemble(
    dataset: Dataset,
    settings: TrainSettings,
    step_ns: int,
    device: torch.device,
    on_step: OnStep,
) -> tuple[Ensemble, float | None]:
    """Train the ensemble of one session, as `train_ensembles` does those of several."""
    share = Share.whole([dataset])
    ensembles, validation_r2 = train_ensembles(share, settings, step_ns, device, on_step)
    return ensembles[0], validation_r2


def train_ensembles(
    share: Share,
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
    n_trials = [np.unique(labels.trial).size for labels in share.labels]
    with_witness = min(n_trials) >= 2 * FOLDS
    ensembles = [
        Ensemble(dataset, settings, device, with_witness, place)
        for place, dataset in enumerate(share.datasets, start=share.first)
    ]
    learning = SideBySide(ensembles, share, step_ns, kept)
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
    ensemble = Ensemble(dataset, settings, device, with_witness=False)
    return SideBySide([ensemble], Share.whole([dataset]), step_ns).step


def _copied(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a copy of a network's state."""
    return {name: tensor.clone() for name, tensor in state.items()}

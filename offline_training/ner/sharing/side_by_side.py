"""Learn from several sessions side by side, of which this process has some or all."""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

import numpy as np
import torch
from torch import nn

from offline_training.dataset.outputs import output_scale
from offline_training.dataset.similarity import common_space
from offline_training.ner.networks.descent import Descent, disturbed
from offline_training.ner.networks.encoder_network import member_latents
from offline_training.ner.networks.objective import Objective
from offline_training.ner.sharing.members import Ensemble, Kept, every_tenth, looked_at
from offline_training.ner.sharing.share import Share
from rt_ner.core.arrays import Int64Array
from rt_ner.decoding.readouts.readout import fit_readout
from rt_ner.offline.labels import join_labels
from rt_ner.offline.scores import r2_score


def drawn_per_session(batch: int, n_sessions: int) -> int:
    """Return the number of hops to draw from each of several sessions, where one has a batch.

    Each has a batch divided by the cube root of n, so that all together have more than one.
    """
    return max(2, round(batch / math.cbrt(n_sessions)))


class SideBySide:
    """The learning of one session's ensemble, or of those of several, which share their trunk.

    As many anchors are drawn from each session, and the loss compares those of all. ``ensembles``
    are those of this process's sessions.
    """

    def __init__(
        self, ensembles: Sequence[Ensemble], share: Share, step_ns: int, kept: Kept | None = None
    ) -> None:
        first = ensembles[0]
        self.settings = first.settings
        self._ensembles = ensembles
        self._share = share
        for each in ensembles[1:]:
            each.network.share_trunk(first.network)
        self.networks = nn.ModuleList([each.network for each in ensembles])
        self._samplers = [each.samplers(step_ns) for each in ensembles]
        self._begins = np.cumsum([0, *(len(labels) for labels in share.labels)])[share.own]
        self._look(bool(first.left_out.any()))
        # Other processes begin with the first one's, and must not draw it from their own stream.
        with first.random.drawn() if share.first == 0 else nullcontext():
            objective = Objective(share, self.settings, step_ns, len(first.left_out))
        self._objective = objective.to(first.features.device)
        if kept is not None:
            first.network.keep_trunk(kept.weights)
            self._objective.keep_readout(kept.readout, output_scale(join_labels(share.labels)))
        self._descent = self._descend()

    def _look(self, has_witness: bool) -> None:
        """Choose the hops of all sessions by which the witness is judged; none without one."""
        labels = self._share.labels
        self._looked_at = [looked_at(each) for each in labels] if has_witness else []
        if has_witness:
            pairs = [*zip(labels, self._looked_at, strict=True)]
            self._values = np.concatenate([each.values[rows] for each, rows in pairs])
            self._left_out = np.concatenate([every_tenth(each)[rows] for each, rows in pairs])

    def _descend(self) -> Descent:
        """Return the descent, which begins with the same shared parameters in all processes."""
        layers = (*self._ensembles[0].network.trunk, self._objective)
        shared = [each for layer in layers for each in layer.parameters()]
        self._share.agree(shared)
        parameters = [*self.networks.parameters(), *self._objective.parameters()]
        learned = [each for each in parameters if each.requires_grad]
        pool = partial(self._share.pooled, shared)
        return Descent(learned, self.settings, self.settings.steps, pool)

    def step(self) -> None:
        """Learn from one batch per member."""
        n_each = drawn_per_session(self.settings.batch, len(self._share.labels))
        drawn = [
            np.stack([np.stack(sampler.draw(n_each)) for sampler in samplers])
            for samplers in self._samplers
        ]
        # (member, anchor or partner, anchor, …), the sessions' anchors one after the other.
        hidden = torch.cat(
            [self._hidden(*pair) for pair in zip(self._ensembles, drawn, strict=True)], dim=2
        )
        pairs = zip(drawn, self._begins, strict=True)
        rows = np.concatenate([own + begin for own, begin in pairs], axis=2)
        latents = self._ensembles[0].network.latents(hidden.flatten(1, 2))
        latents = latents.reshape(*hidden.shape[:3], -1)
        self._descent.step(self._objective(hidden, latents, rows))

    def _hidden(self, ensemble: Ensemble, rows: Int64Array) -> torch.Tensor:
        """Return hidden layers ``(member, 2, anchor, unit)`` of disturbed features."""
        ensemble.network.train()
        with ensemble.random.drawn():
            seen = disturbed(ensemble.features[rows.reshape(len(rows), -1)], self.settings)
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
        own = [member_latents(each.network, each.features) for each in self._ensembles]
        sizes = [len(labels) for labels in self._share.labels]
        latents = self._share.gathered(torch.cat(own, dim=1), 1, sizes).double().cpu().numpy()
        with torch.no_grad():
            for member, turn in enumerate(common_space(list(latents))):
                matrix = torch.tensor(turn.matrix).to(layer.weight)
                layer.weight[member] = layer.weight[member] @ matrix
                layer.bias[member] = layer.bias[member] @ matrix
                layer.bias[member] += torch.tensor(turn.offset).to(matrix)
        self._share.agree([layer.weight, layer.bias])

    def validation_r2(self) -> float | None:
        """Return the R² on the trials that the witness left out; None without one.

        It is the same in all processes, which then decide alike.
        """
        if not self._looked_at:
            return None
        pairs = zip(self._ensembles, self._looked_at[self._share.own], strict=True)
        own = torch.cat([each.witnessed(rows) for each, rows in pairs])
        sizes = [rows.size for rows in self._looked_at]
        latents = self._share.gathered(own, 0, sizes).cpu().numpy()
        values, left_out = self._values, self._left_out
        readout = fit_readout(latents[~left_out], values[~left_out])
        decoded = readout.mapped(latents[left_out])
        r2 = torch.tensor(r2_score(values[left_out], decoded), dtype=torch.float64)
        self._share.agree([r2])
        return float(r2)

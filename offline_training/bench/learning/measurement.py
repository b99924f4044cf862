"""Train each method for ever longer, and see when it decodes as well as after its full training."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from offline_training.compare.evaluation_split import EvaluationSplit
from offline_training.compare.scoring.readouts import readouts_of
from offline_training.compare.scoring.scores import embed, score
from offline_training.methods.decoders import gru as grus
from offline_training.methods.latent import cebra as cebras
from offline_training.methods.latent import pivae as pivaes
from offline_training.methods.latent.ner import ner
from offline_training.methods.method import FitContext, Method
from offline_training.methods.packages import optional_package
from offline_training.options import pick_device
from offline_training.settings import TrainSettings
from rt_ner.core.errors import ConfigError

# Parts of the steps that a full training takes.
PARTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)
# From this much below its final R² on, a method counts as having learned.
NEARLY = 0.005
_DIMS = 3

Tell = Callable[[str], None]
# Receives a method's name, and the part of its trainings that is done, from 0 to 1.
Progress = Callable[[str, float], None]
# Number of steps, and the method that takes so many.
Training = tuple[int, Method]


@dataclass(frozen=True)
class Trained:
    """A training of some length: means over sessions and seeds."""

    steps: int
    fit_s: float
    r2: float


@dataclass(frozen=True)
class Curve:
    """A method's trainings, from the shortest to the full one."""

    method: str
    trainings: tuple[Trained, ...]

    @property
    def final_r2(self) -> float:
        """R² after the full training."""
        return self.trainings[-1].r2

    @property
    def learned(self) -> Trained:
        """The shortest training that decodes nearly as well as the full one."""
        return next(each for each in self.trainings if each.r2 >= self.final_r2 - NEARLY)

    def summary(self) -> dict[str, Any]:
        """Return the curve and what follows from it as one JSON object."""
        return {
            "method": self.method,
            "final_r2": self.final_r2,
            "full_s": self.trainings[-1].fit_s,
            "to_nearly_final_s": self.learned.fit_s,
            "trainings": [asdict(each) for each in self.trainings],
        }


def measure_curves(
    recordings: Sequence[EvaluationSplit], n_seeds: int, progress: Progress, tell: Tell
) -> list[Curve]:
    """Train every method on all recordings, at every length.

    The first fit of a method loads and compiles what it needs, and is not counted.
    """
    curves = []
    for name, make in _makers(tell):
        _trained(make(PARTS[0]), recordings[:1], 1, lambda _: None)
        trainings = []
        for number, part in enumerate(PARTS):

            def goes_on(done: float, number: int = number, name: str = name) -> None:
                progress(name, (number + done) / len(PARTS))

            trainings.append(_trained(make(part), recordings, n_seeds, goes_on))
        curves.append(Curve(name, tuple(trainings)))
    return curves


def _makers(tell: Tell) -> Iterator[tuple[str, Callable[[float], Training]]]:
    """Yield the methods that are installed: a name, and a maker for a part of the full steps."""
    full = TrainSettings().steps

    def ours(part: float) -> Training:
        steps = round(full * part)
        return steps, ner("ner", TrainSettings(steps=steps))

    def gru(part: float) -> Training:
        plan = replace(grus.PLAN, steps=round(grus.PLAN.steps * part))
        return plan.steps, grus.gru(plan)

    def pi_vae(part: float) -> Training:
        plan = replace(pivaes.PLAN, steps=round(pivaes.PLAN.steps * part))
        return plan.steps, pivaes.pi_vae(plan)

    def cebra(part: float) -> Training:
        steps = round(cebras.STEPS * part)
        return steps, cebras.cebra(_DIMS, steps)

    yield from (("ner", ours), ("gru", gru), ("pi-vae", pi_vae))
    try:
        optional_package("cebra")
    except ConfigError as error:
        tell(f"cebra is left out: {error}")
    else:
        yield f"cebra-{_DIMS}", cebra


def _trained(
    training: Training,
    recordings: Sequence[EvaluationSplit],
    n_seeds: int,
    goes_on: Callable[[float], None],
) -> Trained:
    """Return the means of all fits of one length."""
    steps, method = training
    device = pick_device("cpu")
    jobs = [(recording, seed) for recording in recordings for seed in range(n_seeds)]
    rows = []
    for number, (recording, seed) in enumerate(jobs):
        goes_on(number / len(jobs))
        context = FitContext(seed, device, recording.split.shape.bin_ns, lambda _: None)
        fitted = embed(recording, method, context)
        rows.append(score(fitted, readouts_of(method)[0], seed, None, None))
    goes_on(1.0)
    return Trained(steps, fmean(row.fit_s for row in rows), fmean(row.r2 for row in rows))

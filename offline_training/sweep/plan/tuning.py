"""Choose settings with Optuna: in rounds, and the same ones however often it is interrupted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalStorage
from optuna.trial import FrozenTrial, TrialState
from pydantic import JsonValue

from offline_training.sweep.results.locks import locked
from rt_ner.core.errors import ConfigError

# Trials of a round are chosen without knowing each other's scores, and run side by side.
ROUND = 8
_LOCK = ".lock"


class _Unlocked(JournalFileOpenLock):
    """The journal's lock: none. Optuna's own outlives a process that is killed; ours does not."""

    def acquire(self) -> bool:
        """Grant the lock, for `open_study` holds one."""
        return True

    def release(self) -> None:
        """Release nothing."""


@contextmanager
def open_study(
    journal: Path, values: dict[str, tuple[JsonValue, ...]], seed: int
) -> Iterator["Study"]:
    """Open the study that a journal holds, or a new one; ConfigError if another process has it."""
    journal.parent.mkdir(exist_ok=True)
    with locked(journal.with_suffix(_LOCK)) as is_ours:
        if not is_ours:
            raise ConfigError(
                f"{journal} is in use: another process searches in this folder; wait for its end"
            )
        _cut_half_line(journal)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = JournalStorage(JournalFileBackend(str(journal), _Unlocked(str(journal))))
        study = optuna.create_study(
            storage=storage, study_name=journal.stem, direction="maximize", load_if_exists=True
        )
        yield Study(study, values, seed)


class Study:
    """The search for the best combination of some values per setting."""

    def __init__(
        self, study: optuna.Study, values: dict[str, tuple[JsonValue, ...]], seed: int
    ) -> None:
        self._study, self._values, self._seed = study, values, seed

    def combinations(self, first: int, n: int) -> list[dict[str, JsonValue]]:
        """Return the settings of trials ``first`` to ``first + n − 1``, chosen now or before.

        Each is chosen with a seed of its own, so that a search goes on after an interruption as it
        would have done without it.
        """
        while len(self._study.get_trials(deepcopy=False)) < first + n:
            number = len(self._study.get_trials(deepcopy=False))
            self._study.sampler = optuna.samplers.TPESampler(
                seed=self._seed + number, constant_liar=True
            )
            trial = self._study.ask()
            for name, values in self._values.items():
                trial.suggest_categorical(name, [*range(len(values))])
        return [self._chosen(trial) for trial in self._study.get_trials()[first : first + n]]

    def _chosen(self, trial: FrozenTrial) -> dict[str, JsonValue]:
        """Return the settings of a trial; the first ones where it was interrupted in between."""
        return {name: values[trial.params.get(name, 0)] for name, values in self._values.items()}

    def tell(self, first: int, scores: Sequence[float | None]) -> None:
        """Note the scores of trials from ``first`` on; None: it could not be scored."""
        trials = self._study.get_trials()[first : first + len(scores)]
        for trial, value in zip(trials, scores, strict=True):
            if trial.state.is_finished():
                continue
            if value is None:
                self._study.tell(trial.number, state=TrialState.FAIL)
            else:
                self._study.tell(trial.number, value)


def _cut_half_line(journal: Path) -> None:
    """Remove the line at the journal's end that a killed process did not complete."""
    if journal.is_file():
        content = journal.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with journal.open("r+b") as file:
                file.truncate(len(whole))

"""Load the sessions of a joint training, and check that one trunk can learn from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from offline_training.dataset.split import check_same_windows
from offline_training.settings import TrainSettings
from offline_training.training import prepared
from rt_ner.bundle.joint.joint_manifest import names_problem
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.loading import load_session, session_files
from rt_ner.data.session.joined.files import check_alike
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.offline.held_out.split import Split

_FEWEST = 2


@dataclass(frozen=True, eq=False)
class Day:
    """The part of a session that is learned, and its split."""

    session: Session
    split: Split


@dataclass(frozen=True)
class Reading:
    """Session files, and the options by which they are read."""

    paths: tuple[Path, ...]
    area: str | None = None
    voltage: VoltageSettings | None = None
    recipe: Path | None = None


def load_sessions(reading: Reading, tell: Callable[[str], None]) -> list[Session]:
    """Load sessions one by one, each under the name of its file.

    Without an area, the first area of the first session is read of all.
    """
    sessions: list[Session] = []
    for path in session_files(reading.paths):
        area = reading.area or (sessions[0].area if sessions else None)
        session = load_session(path, area, reading.voltage, tell, reading.recipe)
        sessions.append(replace(session, name=path.stem))
    return sessions


def prepare_days(
    sessions: Sequence[Session], settings: TrainSettings, warn: Callable[[str], None]
) -> list[Day]:
    """Split the sessions of a joint training; an error if they don't fit together."""
    check_settings(settings)
    if len(sessions) < _FEWEST:
        raise ConfigError(
            f"--joint with 1 session: name {_FEWEST} or more, or leave out --joint to train on one"
        )
    if problem := names_problem([session.name for session in sessions]):
        raise SessionError(problem)
    days = [prepare_day(session, settings, warn) for session in sessions]
    check_alike([day.session for day in days])
    for day in days[1:]:
        check_same_windows(
            days[0].session.name, days[0].split.shape, day.session.name, day.split.shape
        )
    return days


def prepare_day(session: Session, settings: TrainSettings, warn: Callable[[str], None]) -> Day:
    """Split one session."""
    return Day(*prepared(session, settings, lambda text: warn(f"{session.name}: {text}")))


def check_settings(settings: TrainSettings) -> None:
    """Raise ConfigError if the settings are not for a joint training."""
    if settings.unit_norm:
        raise ConfigError(
            "unit_norm = true: a joint bundle keeps its trunk as plain weights, which unit vectors "
            "don't have; set unit_norm = false"
        )
    if settings.readout != "linear":
        raise ConfigError(
            f"readout = '{settings.readout}': a joint bundle's heads learn before a linear "
            "readout; set readout = 'linear'"
        )

"""Split a session as the settings of a training say."""

from offline_training.settings import TrainSettings, window_shape
from rt_ner.core.errors import ConfigError
from rt_ner.data.session.session import Session
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.held_out.split import Split, split_windows


def check_same_windows(one: str, shape: WindowShape, other: str, other_shape: WindowShape) -> None:
    """Raise ConfigError if two sessions, by name, have other windows."""
    if shape != other_shape:
        raise ConfigError(
            f"windows differ: {one} has {shape.in_words}, {other} has {other_shape.in_words}; set "
            "window.bin_ms and window.hop_ms in --config to values that all sessions allow"
        )


def split_session(session: Session, settings: TrainSettings) -> Split:
    """Hold out the session's last trials (`Session.n_train`); SessionError if a part is empty."""
    shape = window_shape(settings.window, session)
    pace = settings.normalisation.pace(session, shape.hop_ns)
    return split_windows(session, shape, settings.held_out, pace)

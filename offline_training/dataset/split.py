"""Split a session as the settings of a training say."""

from offline_training.settings import TrainSettings, window_shape
from rt_ner.data.session.session import Session
from rt_ner.offline.held_out.split import Split, split_windows


def split_session(session: Session, settings: TrainSettings) -> Split:
    """Hold out the session's last trials (`Session.n_train`); SessionError if a part is empty."""
    shape = window_shape(settings.window, session)
    pace = settings.normalisation.pace(session, shape.hop_ns)
    return split_windows(session, shape, settings.held_out, pace)

"""Split: a session's labelled windows, the first trials to train on and the last held out."""

from dataclasses import dataclass

from offline_training.settings import TrainSettings, window_shape
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset, build_dataset


@dataclass(frozen=True, eq=False)
class Split:
    """The labelled windows of the training trials and of the held-out trials.

    ``n_train``: how many trials train. ``causal``: no window holds anything of the future.
    """

    train: Dataset
    test: Dataset
    n_train: int
    shape: WindowShape
    causal: bool = True


def split_session(session: Session, settings: TrainSettings) -> Split:
    """Split a session as the settings say. Raises SessionError where a part would be empty."""
    shape = window_shape(settings.window, session)
    n_train = session.trials.n_train(settings.held_out)
    dataset = build_dataset(session, shape)
    in_train = dataset.labels.trial < n_train
    if in_train.all() or not in_train.any():
        raise SessionError(
            f"session '{session.name}' has no kinematics in its "
            f"{'held-out' if in_train.all() else 'training'} trials ({n_train} of "
            f"{len(session.trials)} train): cut the session to where both are known"
        )
    return Split(dataset.where(in_train), dataset.where(~in_train), n_train, shape)

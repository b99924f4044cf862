"""Split a session into training trials and held-out trials."""

from dataclasses import dataclass, replace

from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.encoding.normalisation import Pace
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.classes.hop_classes import HopClasses
from rt_ner.offline.dataset import Dataset, Following, build_dataset


@dataclass(frozen=True, eq=False)
class Split:
    """Labelled windows of the training trials and of the held-out trials.

    ``n_train`` is the number of training trials. ``causal`` is false if windows hold counts of the
    future. ``classes`` are those of the session, which the labels hold too; None if nothing is
    classified.
    """

    train: Dataset
    test: Dataset
    n_train: int
    shape: WindowShape
    causal: bool = True
    classes: HopClasses | None = None

    def with_classes(self, classes: HopClasses) -> "Split":
        """Return the split with the classes of its hops."""
        train, test = (
            replace(part, labels=classes.given_to(part.labels)) for part in (self.train, self.test)
        )
        return replace(self, train=train, test=test, classes=classes)


def split_windows(
    session: Session, shape: WindowShape, held_out: float, pace: Pace | None = None
) -> Split:
    """Hold out the last trials, as `Session.n_train` says; SessionError if a part would be empty.

    Blocks of a continuous recording are held out likewise, after a gap of a window's length.
    ``pace``: that of the running normalisation; None without one.
    """
    n_train = session.n_train(held_out)
    following = None if pace is None else Following(pace, int(session.trials.end_ns[n_train - 1]))
    return split_dataset(session, build_dataset(session, shape, following), shape, n_train)


def split_dataset(session: Session, dataset: Dataset, shape: WindowShape, n_train: int) -> Split:
    """Split the windows of a session, of whose trials the first ``n_train`` are to be trained on.

    Raises SessionError if a part would be empty.
    """
    in_train = dataset.labels.trial < n_train
    in_test = ~in_train
    if session.trials.are_blocks and in_test.any():
        # No window of a held-out hop reaches back into the training blocks.
        in_test &= dataset.labels.end_ns >= dataset.labels.end_ns[in_test][0] + shape.history_ns
    if not in_test.any() or not in_train.any():
        raise SessionError(
            f"session '{session.name}' has no behaviour in its "
            f"{'training' if in_test.any() else 'held-out'} trials ({n_train} of "
            f"{len(session.trials)} train): crop the session to where both are known"
        )
    return Split(dataset.where(in_train), dataset.where(in_test), n_train, shape)

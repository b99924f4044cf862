"""Name the class of each hop of a session: its direction, movement, or the value of a column."""

from dataclasses import dataclass, replace

import numpy as np

from rt_ner.core.arrays import StrArray
from rt_ner.core.contract.outputs import names_of
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.readouts.classifier import FEWEST_CLASSES, MOST_CLASSES
from rt_ner.offline.labels import Labels, is_fast, label_hops

DIRECTION, MOVEMENT = "direction", "movement"
_IDLE, _MOVE = "idle", "move"
# Directions that differ by less have the same name.
_DECIMALS = 1


@dataclass(frozen=True, eq=False)
class HopClasses:
    """The class of each labelled hop of a session, which ``labels`` hold.

    ``of`` is ``"direction"``, ``"movement"`` or a column's name. ``names`` are all classes; if one
    of them is rest, it is the first.
    """

    of: str
    names: tuple[str, ...]
    labels: Labels

    def given_to(self, labels: Labels) -> Labels:
        """Return some of the session's labels, with their classes."""
        assert self.labels.classes is not None
        rows = np.searchsorted(self.labels.end_ns, labels.end_ns)
        return replace(labels, classes=self.labels.classes[rows])


def classes_of(session: Session, of: str, hop_ns: int) -> HopClasses:
    """Return the class of each labelled hop of a session.

    Raises SessionError, with the reason and the remedy, if the session does not tell the classes.
    """
    labels = label_hops(session, hop_ns)
    if of == DIRECTION:
        names, classes = _directions(session, labels)
    elif of == MOVEMENT:
        names, classes = _movement(labels, session)
    else:
        names, classes = _column(session, of, labels)
    return HopClasses(of, names, replace(labels, classes=classes))


def _directions(session: Session, labels: Labels) -> tuple[tuple[str, ...], StrArray]:
    """Return the directions of the reaches, each from the go cue to the end of the trial."""
    if labels.are_blocks:
        raise SessionError(
            f"classes = 'direction': session '{session.name}' is continuous, its movements have no "
            "targets; classify 'movement' or a column, or record trials"
        )
    # Rounding may lead back to a full circle.
    directions_deg = np.round(session.trials.direction_deg % 360.0, _DECIMALS) % 360.0
    distinct, number = np.unique(directions_deg, return_inverse=True)
    _check_number(distinct.size, "direction", f"session '{session.name}' has", "directions")
    names = np.array([f"{direction:g}°" for direction in distinct])
    has_begun = labels.end_ns > session.trials.go_ns[labels.trial]
    return tuple(names.tolist()), np.where(has_begun, names[number[labels.trial]], "")


def _movement(labels: Labels, session: Session) -> tuple[tuple[str, ...], StrArray]:
    """Return movement or rest, from the speed."""
    rates = [column for column, output in enumerate(labels.outputs) if output.is_rate]
    if not rates:
        raise SessionError(
            f"classes = 'movement': session '{session.name}' has no velocity, only "
            f"{', '.join(names_of(labels.outputs))}; add a velocity to its behaviour"
        )
    return (_IDLE, _MOVE), np.where(is_fast(labels.values[:, rates]), _MOVE, _IDLE)


def _column(session: Session, of: str, labels: Labels) -> tuple[tuple[str, ...], StrArray]:
    """Return the whole numbers of a column of behaviour, each valid until the next sample."""
    own = names_of(session.behaviour.outputs)
    if of not in own:
        raise SessionError(
            f"classes = {of!r}: expected 'direction', 'movement', or a column of session "
            f"'{session.name}', which holds {', '.join(own)}"
        )
    column = session.behaviour.values[:, own.index(of)]
    distinct, number = np.unique(column, return_inverse=True)
    if fractional := [value for value in distinct[:MOST_CLASSES].tolist() if value % 1]:
        raise SessionError(
            f"classes = {of!r}: the column holds {fractional[0]:g}, expected whole numbers, such "
            "as 0 and 1; decode it as an output instead (outputs)"
        )
    _check_number(distinct.size, of, "the column holds", "values")
    newest = np.searchsorted(session.behaviour.time_ns, labels.end_ns, side="right") - 1
    names = np.array([f"{value:.0f}" for value in distinct])
    # Zero is rest.
    ordered = names[np.argsort(distinct != 0, kind="stable")]
    return tuple(ordered.tolist()), names[number[newest]]


def _check_number(n_classes: int, of: str, where: str, what: str) -> None:
    """Raise SessionError if there are too few or too many classes."""
    if not FEWEST_CLASSES <= n_classes <= MOST_CLASSES:
        raise SessionError(
            f"classes = {of!r}: {where} {n_classes} {what}, expected {FEWEST_CLASSES} to "
            f"{MOST_CLASSES}; choose other classes"
        )

"""Say a notice that comes again and again only now and then, with a count."""

from rt_ner.core.clock import FOREVER_NS, NS_PER_S

_EVERY_NS = 10 * NS_PER_S
# Notices remembered before old ones are forgotten.
_MANY = 100


class RepeatedNotices:
    """Holds back what was said a short while ago.

    Attributes
    ----------
    due_ns
        Time, in ns, at which the next notice that was held back is to be said.

    """

    def __init__(self) -> None:
        self._said_ns: dict[str, int] = {}
        self._held: dict[str, tuple[str, int]] = {}
        self.due_ns = FOREVER_NS

    def is_new(self, kind: str, notice: str, now_ns: int) -> bool:
        """Return True if a notice is to be said now; else count it.

        Parameters
        ----------
        kind
            Notices of one kind count as equal, though their numbers may differ.
        notice
            The notice.
        now_ns
            The present, in ns.

        """
        said_ns = self._said_ns.get(kind)
        if said_ns is None or now_ns - said_ns >= _EVERY_NS:
            self._remember(kind, now_ns)
            return True
        _, n_held = self._held.get(kind, ("", 0))
        self._held[kind] = notice, n_held + 1
        self.due_ns = min(self.due_ns, said_ns + _EVERY_NS)
        return False

    def due(self, now_ns: int) -> list[str]:
        """Return the notices whose time has come, the newest of each kind with the count."""
        if now_ns < self.due_ns:
            return []
        ripe = [kind for kind in self._held if now_ns - self._said_ns[kind] >= _EVERY_NS]
        texts = [self._taken(kind) for kind in ripe]
        for kind in ripe:
            self._remember(kind, now_ns)
        self.due_ns = min(
            (self._said_ns[kind] + _EVERY_NS for kind in self._held), default=FOREVER_NS
        )
        return texts

    def rest(self) -> list[str]:
        """Return everything that is held back, because no more will come."""
        self.due_ns = FOREVER_NS
        return [self._taken(kind) for kind in list(self._held)]

    def _taken(self, kind: str) -> str:
        notice, n_held = self._held.pop(kind)
        return notice if n_held == 1 else f"{notice} ({n_held} more times)"

    def _remember(self, kind: str, now_ns: int) -> None:
        self._said_ns[kind] = now_ns
        if len(self._said_ns) > _MANY:
            self._said_ns = {
                kind: said_ns
                for kind, said_ns in self._said_ns.items()
                if kind in self._held or now_ns - said_ns < _EVERY_NS
            }

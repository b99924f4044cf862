"""Read the clock of a stream's computer."""

import socket
from contextlib import suppress

import pylsl

# An estimate of this computer's own clock is never this far off: such a stream comes from another
# computer of the same name (a namesake).
_OTHER_CLOCK_S = 0.2


class HostClock:
    """The clock of the computer that a stream comes from, seen from this computer.

    On the same computer both are one clock, and an estimated offset would only add its error. But
    two computers may have the same name, which only their clocks tell.

    Parameters
    ----------
    inlet
        The stream's inlet. Once asked, liblsl estimates its offset in a thread of its own.
    host
        Name of the stream's computer.

    """

    def __init__(self, inlet: pylsl.StreamInlet, host: str) -> None:
        self._inlet = inlet
        self._host = host
        self._has_our_name = host == socket.gethostname()

    def settle(self, timeout_s: float) -> None:
        """Wait for the first estimate, for at most ``timeout_s``; usually it takes 0.6 s."""
        with suppress(pylsl.util.TimeoutError, pylsl.util.LostError):
            self._inlet.time_correction(timeout_s)

    def offset_s(self, timeout_s: float) -> float:
        """Return the offset from the stream's clock to ours in s, 0 on the same computer.

        Until there is an estimate, a namesake passes for this computer. Raises pylsl's LostError,
        and its TimeoutError if another host does not answer in ``timeout_s``.
        """
        if not self._has_our_name:
            return float(self._inlet.time_correction(timeout_s))
        with suppress(pylsl.util.TimeoutError):
            offset_s = float(self._inlet.time_correction(0.0))
            return offset_s if abs(offset_s) > _OTHER_CLOCK_S else 0.0
        return 0.0

    def is_namesake(self, offset_s: float) -> bool:
        """Return True if this offset shows that the stream comes from a namesake."""
        return self._has_our_name and offset_s != 0.0

    def namesake(self, offset_s: float) -> str:
        """Return the end of a sentence about a stream from a namesake, with the remedy."""
        return (
            f"comes from another computer that has this one's name, {self._host}; its clock is "
            f"{abs(offset_s):,.1f} s {'behind' if offset_s > 0 else 'ahead'}. Its times are "
            "converted to this computer's clock. Rename one of the two"
        )

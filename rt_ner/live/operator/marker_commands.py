"""Obey the commands of the one LSL marker stream that the settings name."""

import threading
from collections.abc import Callable, Sequence

import pylsl

from rt_ner.live.settings import ControlSettings
from rt_ner.live.states import Command
from rt_ner.lsl.discovery import StreamQuery, describe_stream, present
from rt_ner.lsl.network.search import StreamSearch
from rt_ner.lsl.streams import FORMAT_NAMES

_MARKERS = "Markers"
_POLL_S = 0.1
_CONNECT_S = 5.0
# A stream that sends something else than commands would fill the screen.
_MOST_WORDS, _LONGEST_WORD = 8, 60

Alarm = Callable[[str], None]


def listen_to_markers(
    control: ControlSettings,
    tell: Callable[[Command], None],
    stop: threading.Event,
    alarm: Alarm,
) -> None:
    """Obey the named marker stream, and no other, in a thread, until ``stop`` is set.

    LSL has no passwords: anybody on the network could send commands. So only the stream with this
    source_id (and host, if given) is obeyed, and if there are two such streams, neither is.
    ``alarm`` is called with each reason why a stream or a marker is not obeyed, once.
    """
    listener = _Listener(control, tell, stop, alarm)
    threading.Thread(target=listener.run, daemon=True).start()


class _Listener:
    """The work of the thread."""

    def __init__(
        self,
        control: ControlSettings,
        tell: Callable[[Command], None],
        stop: threading.Event,
        alarm: Alarm,
    ) -> None:
        self._control = control
        self._query = StreamQuery((_MARKERS,), source_id=control.source_id, host=control.host)
        self._tell = tell
        self._stop = stop
        self._alarm = alarm
        self._refused = ""
        self._unknown: set[str] = set()

    def run(self) -> None:
        """Connect, obey and connect again until stopped."""
        while not self._stop.is_set():
            inlet = self._connected()
            while inlet and not self._stop.is_set():
                try:
                    sample, _ = inlet.pull_sample(_POLL_S)
                except pylsl.util.LostError:
                    break
                if sample is not None:
                    self._take(bytes(sample[0]))

    def _take(self, marker: bytes) -> None:
        """Obey a marker, or say once what was expected instead."""
        text = marker.decode(errors="replace").strip().lower()
        if text in list(Command):
            self._tell(Command(text))
        elif text:
            self._tell_unknown(marker)

    def _tell_unknown(self, marker: bytes) -> None:
        try:
            shown = repr(marker.decode()[:_LONGEST_WORD])
            problem = "is no command"
        except UnicodeDecodeError:
            shown, problem = repr(marker[:_LONGEST_WORD]), "is not UTF-8"
        if shown in self._unknown or len(self._unknown) >= _MOST_WORDS:
            return
        self._unknown.add(shown)
        rest = "; others will not be shown" if len(self._unknown) == _MOST_WORDS else ""
        self._alarm(
            f"marker {shown} from {self._control.source_id} {problem}: expected one of "
            f"{', '.join(Command)}{rest}"
        )

    def _connected(self) -> pylsl.StreamInlet | None:
        """Return the marker stream, once exactly one matches and answers; None on ``stop``."""
        while not self._stop.is_set():
            # A new search each time, which shows no stream that has just ended.
            seen = StreamSearch().settled(self._stop.is_set)
            found = present(self._query, seen, self._stop.is_set)
            self._tell_refusal(_refusal(self._control, found, seen))
            if not self._refused and found:
                inlet = pylsl.StreamInlet(found[0], recover=False, as_numpy=True)
                try:
                    inlet.open_stream(_CONNECT_S)
                except (pylsl.util.TimeoutError, pylsl.util.LostError):
                    continue
                return inlet
        return None

    def _tell_refusal(self, reason: str) -> None:
        """Say why no stream is obeyed, unless this was said last."""
        if reason and reason != self._refused:
            self._alarm(reason)
        self._refused = reason


def _refusal(
    control: ControlSettings, found: Sequence[pylsl.StreamInfo], seen: Sequence[pylsl.StreamInfo]
) -> str:
    """Return why none of the streams is obeyed; empty if one is, or none is there yet."""
    name = control.source_id
    if len(found) > 1:
        streams = "; ".join(sorted(map(describe_stream, found)))
        return (
            f"{len(found)} marker streams are called '{name}' ({streams}), and none of them is "
            "obeyed: end all but one, or set host in [control]"
        )
    if found:
        is_text = found[0].channel_format() == pylsl.cf_string
        sent = FORMAT_NAMES.get(found[0].channel_format(), "another type")
        remedy = f"strings such as {Command.HOLD}: send them with channel format string"
        return "" if is_text else f"'{name}' is not obeyed: it sends {sent}, expected {remedy}"
    for other in seen:
        if other.source_id() == name:
            wanted = f"type {_MARKERS}" + (f" from host {control.host}" if control.host else "")
            return f"'{name}' is not obeyed: expected {wanted}, found {describe_stream(other)}"
    return ""

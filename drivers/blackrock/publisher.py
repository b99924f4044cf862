"""Publish the spikes (and voltage) of an NSP or Gemini, received over UDP, as LSL streams.

Tested with an emulator only, never with a device. It listens and sends nothing to the device, which
must be running already, e.g. started by Central.
"""

import socket
from collections.abc import Callable
from functools import partial
from threading import Event

from drivers.blackrock.receiver import REORDER_NS, Receiver, troubles
from drivers.encodings import BroadbandEncoding, EventEncoding
from drivers.source import LslSource, Opener
from rt_ner.core.clock import NS_PER_S, s_from_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import ConfigError
from rt_ner.lsl.streams import local_now_ns

_POLL_S = 0.001
_REPORT_NS = 5 * NS_PER_S
_RECEIVE_BYTES = 8 * 2**20
_LARGEST_DATAGRAM = 65536


class BlackrockSource(LslSource):
    """Publishes what a UDP socket receives under a name, until stopped.

    ``report`` is called every few seconds with what went wrong, if that has changed.
    """

    def __init__(
        self,
        receiver: Receiver,
        listener: socket.socket,
        labels: list[str],
        name: str,
        report: Callable[[str], None],
    ) -> None:
        self._events, self._voltage = EventEncoding(labels), BroadbandEncoding(labels)
        openers: dict[Kind, Opener] = {Kind.EVENTS: partial(self._events.open, at_once=True)}
        if receiver.broadband:
            openers[Kind.BROADBAND] = self._voltage.open
        super().__init__(name, openers)
        self._receiver = receiver
        self._listener = listener
        self._report = report

    def run(self, stop: Event) -> None:
        """Receive and publish until stopped."""
        self._listener.settimeout(_POLL_S)
        reported, reported_ns = troubles(self._receiver.counts), local_now_ns()
        while not stop.is_set():
            self._receive()
            now_ns = local_now_ns()
            self._publish(now_ns)
            if now_ns - reported_ns >= _REPORT_NS:
                found, reported_ns = self._state(), now_ns
                if found != reported:
                    self._report(found)
                    reported = found
        self._publish(local_now_ns() + REORDER_NS)
        self._receiver.give_up()

    def _receive(self) -> None:
        """Take a datagram, if one comes within a moment."""
        try:
            datagram = self._listener.recv(_LARGEST_DATAGRAM)
        except TimeoutError:
            return
        self._receiver.take(datagram, local_now_ns())

    def _state(self) -> str:
        n_untimed = self._receiver.n_untimed()
        waiting = (
            f"; no heartbeat of the device yet: {n_untimed} spikes and samples wait for one"
            if n_untimed
            else ""
        )
        return troubles(self._receiver.counts) + waiting

    def _publish(self, now_ns: int) -> None:
        """Push the spikes and samples that are due."""
        if spikes := self._receiver.spikes(now_ns):
            rows = self._events.encode([s.channel for s in spikes], [s.unit for s in spikes])
            stamps_s = [s_from_ns(spike.time_ns) for spike in spikes]
            self._outlets[Kind.EVENTS].push_chunk(rows, stamps_s)
        if self._receiver.broadband:
            times_ns, voltage_uv = self._receiver.samples()
            if times_ns:
                stamps_s = [s_from_ns(time_ns) for time_ns in times_ns]
                values = self._voltage.encode(voltage_uv)
                self._outlets[Kind.BROADBAND].push_chunk(values, stamps_s)


def open_listener(address: str, port: int) -> socket.socket:
    """Return a UDP socket bound to an interface's address; raise ConfigError if it can't be."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"--address {address} --port {port}: can't listen there ({error}): expected the "
            "address of this computer's interface to the device, and a port that no other "
            "program uses"
        ) from error
    return listener

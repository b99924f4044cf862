"""Run a checkup: streams, the spikes themselves, the bundle, and this computer."""

import platform
import socket
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from importlib.metadata import version
from math import nan
from pathlib import Path
from threading import Event

import pylsl

from rt_ner.core.errors import StreamError
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.doctor.bundle.bundle_check import check_bundle
from rt_ner.doctor.checks.channel_health import Gauge, gauge_for
from rt_ner.doctor.checks.listening import TIMEOUT_S, Received, listen
from rt_ner.doctor.checks.network import LSL_PORTS, read_network
from rt_ner.doctor.checks.processor import read_processor
from rt_ner.doctor.checks.timing import Timing, timing_of
from rt_ner.doctor.checkup import BundleCheck, Checkup, Finding, Level, SpikeCheck, StreamCheck
from rt_ner.doctor.rules.channels import channel_findings
from rt_ner.doctor.rules.clocks import clock_findings
from rt_ner.doctor.rules.computer import processor_findings
from rt_ner.doctor.rules.network import network_findings
from rt_ner.doctor.rules.stamps import timing_findings
from rt_ner.live.settings import DecodeSettings
from rt_ner.lsl.discovery import find_stream, metadata_of, spike_query
from rt_ner.lsl.network.search import StreamSearch
from rt_ner.lsl.spikes.header import read_spike_stream

_WAIT_S = 2.0


@dataclass(frozen=True, eq=False)
class _Spikes:
    """The spike stream as announced, and the gauge of its channels."""

    info: pylsl.StreamInfo
    stream: SpikeStream
    gauge: Gauge


class Doctor:
    """Checks this computer, every visible stream and a bundle; publishes nothing.

    Listens for ``seconds``, reports progress to ``say``, and ends early on ``stop``.
    """

    def __init__(
        self, settings: DecodeSettings, seconds: float, stop: Event, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._seconds = seconds
        self._stop = stop
        self._say = say
        self._findings: list[Finding] = []

    def check_up(self, bundle: Path | None) -> Checkup:
        """Check everything; without the folder of a bundle, everything else."""
        self._say("looking for streams")
        search = self._search()
        infos = search.settled(self._stop.is_set) if search else []
        found = self._find_spikes(search) if search else []
        seen = {info.uid() for info in infos}
        infos += [info for info in found if info.uid() not in seen]
        infos.sort(key=lambda seen: (seen.source_id(), seen.name(), seen.hostname()))
        spikes = [each for each in map(self._announced, found) if each]
        streams, spike_checks = self._listen(infos, {info.uid() for info in found}, spikes)
        bundle_check = self._check_bundle(bundle, spikes) if bundle else None
        surroundings = self._check_surroundings(infos)
        return Checkup(
            _versions(),
            surroundings,
            streams,
            spike_checks[0] if spike_checks else None,
            bundle_check,
            tuple(self._findings),
            spike_checks[1:],
        )

    def _search(self) -> StreamSearch | None:
        """Begin to search the network; return None if there is none."""
        try:
            return StreamSearch()
        except StreamError as error:
            self._no_go(str(error))
            return None

    def _find_spikes(self, search: StreamSearch) -> list[pylsl.StreamInfo]:
        """Return the spike stream of each source, found as the decoder finds it."""
        found = []
        for wanted in self._settings.input.each_source():
            try:
                query = spike_query(wanted)
                begun = None if query.predicate else search
                found.append(find_stream(query, _WAIT_S, self._stop.is_set, search=begun))
            except StreamError as error:
                self._no_go(str(error))
        return [info for info in found if info]

    def _announced(self, info: pylsl.StreamInfo) -> _Spikes | None:
        """Return what the spike stream announces; None if it can't be decoded."""
        described = metadata_of(info, TIMEOUT_S)
        if described is None:
            self._no_go(
                f"'{info.name()}' is visible, but its host {info.hostname()} does not answer: open "
                f"{LSL_PORTS}"
            )
            return None
        try:
            stream = read_spike_stream(described, self._settings.input.kind)
            unit = next((unit for unit in described.get_channel_units() or () if unit), "a.u.")
            gauge = gauge_for(stream, unit, self._settings, self._seconds)
        except StreamError as error:
            self._no_go(str(error))
            return None
        return _Spikes(info, stream, gauge)

    def _listen(
        self, infos: Sequence[pylsl.StreamInfo], spikes_uids: Set[str], spikes: Sequence[_Spikes]
    ) -> tuple[tuple[StreamCheck, ...], tuple[SpikeCheck, ...]]:
        """Receive all numeric streams at once."""
        numeric = [info for info in infos if info.channel_format() != pylsl.cf_string]
        if numeric:
            self._say(f"listening for {self._seconds:g} s")
        takes = {each.info.uid(): each.gauge.take for each in spikes}
        uids = [info.uid() for info in numeric]
        received = dict(zip(uids, listen(numeric, self._seconds, self._stop, takes), strict=True))
        checks = tuple(
            self._check_stream(info, received.get(info.uid()), info.uid() in spikes_uids)
            for info in infos
        )
        spike_checks = [self._check_spikes(each, received[each.info.uid()]) for each in spikes]
        return checks, tuple(spike_checks)

    def _check_spikes(self, spikes: _Spikes, received: Received) -> SpikeCheck:
        health = spikes.gauge.health(received.listened_s)
        check = SpikeCheck(spikes.info.name(), spikes.stream.kind, health)
        if received.stamps_s.size and not received.problem:
            self._findings += channel_findings(check, received.listened_s)
        return check

    def _check_stream(
        self, info: pylsl.StreamInfo, received: Received | None, is_spikes: bool
    ) -> StreamCheck:
        """Check one visible stream; nothing was received of a text stream."""
        same_host = info.hostname() == socket.gethostname()
        before_s, after_s = received.offsets_s if received else (nan, nan)
        # As in the decoder: one host has one clock, and an estimate would only add its error.
        timing = _timing(received, 0.0 if same_host else after_s, info) if received else None
        check = _stream_check(info, is_spikes, after_s, timing)
        name = f"'{check.name}'"
        if received and received.problem:
            level = Level.NO_GO if is_spikes else Level.WARNING
            remedy = f"restart the program that sends it, or open {LSL_PORTS}"
            self._findings.append(Finding(level, f"{name} {received.problem}: {remedy}"))
        if timing:
            grace_ms = self._settings.input.grace_ms
            self._findings += timing_findings(name, timing, grace_ms, is_spikes)
            self._findings += clock_findings(check, same_host, 1000 * before_s)
        return check

    def _check_bundle(self, folder: Path, spikes: Sequence[_Spikes]) -> BundleCheck | None:
        self._say("checking the bundle, and decoding the spikes without publishing")
        heard = [(each.info, each.stream) for each in spikes]
        check, findings = check_bundle(folder, heard, self._settings, self._stop)
        self._findings += findings
        return check

    def _check_surroundings(self, infos: Sequence[pylsl.StreamInfo]) -> dict[str, str]:
        """Check the computer and its network."""
        timing = self._settings.timing
        network, processor = read_network(infos), read_processor()
        self._findings += network_findings(network, len(infos))
        self._findings += processor_findings(processor, timing)
        return {"platform": platform.platform()} | processor.facts(timing) | network.facts()

    def _no_go(self, text: str) -> None:
        self._findings.append(Finding(Level.NO_GO, text))


def _stream_check(
    info: pylsl.StreamInfo, is_spikes: bool, offset_s: float, timing: Timing | None
) -> StreamCheck:
    return StreamCheck(
        name=info.name(),
        type=info.type(),
        n_channels=info.channel_count(),
        nominal_hz=info.nominal_srate(),
        format=pylsl.lib.fmt2string[info.channel_format()],
        host=info.hostname(),
        source_id=info.source_id(),
        is_spikes=is_spikes,
        offset_ms=1000 * offset_s,
        timing=timing,
    )


def _timing(received: Received, offset_s: float, info: pylsl.StreamInfo) -> Timing | None:
    """Return the timing on the source's clock; None if nothing could be received."""
    if received.problem and not received.stamps_s.size:
        return None
    arrived_s = received.arrived_s - offset_s
    return timing_of(received.stamps_s, arrived_s, info.nominal_srate(), received.listened_s)


def _versions() -> dict[str, str]:
    """Return the versions of everything that takes part in decoding."""
    packages = ("rt-ner", "numpy", "numba", "onnxruntime", "pylsl")
    major, minor = divmod(pylsl.library_version(), 100)
    return {
        **{package: version(package) for package in packages},
        "python": platform.python_version(),
        "liblsl": f"{major}.{minor}",
    }

"""Examination: software, streams, the spikes themselves and the bundle, one after the other."""

import configparser
import os
import platform
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from math import nan
from pathlib import Path
from threading import Event

import numpy as np
import pylsl

from rt_ner import __version__
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.errors import BundleError, StreamError
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.doctor.checks.channel_health import Gauge, gauge_for
from rt_ner.doctor.checks.computer import judge_computer, look_at_computer
from rt_ner.doctor.checks.listening import Heard, full_info, listen
from rt_ner.doctor.checks.timing import Timing, timing_of
from rt_ner.doctor.findings import (
    BundleCheck,
    Checkup,
    Finding,
    Level,
    SpikeCheck,
    StreamCheck,
    judge_bundle,
    judge_clock,
    judge_health,
    judge_timing,
)
from rt_ner.live.settings import DecodeSettings, live_binner
from rt_ner.lsl.discovery import find_stream, spike_query
from rt_ner.lsl.spikes.header import read_spike_stream
from rt_ner.lsl.streams import local_now_ns, lsl_config_file
from rt_ner.system.signals import no_garbage_collection

_LOOK_S, _WAIT_S = 1.0, 2.0
# Steps are timed as they will happen, apart: in a row they would find their caches warm.
_N_STEPS, _LONGEST_PAUSE_S = 200, 0.01
_PORTS = "ports 16571 to 16604 (UDP and TCP) in the firewalls of both computers"
# Where LSL asks for streams: the way to it tells which network is used.
_LSL_GROUP = ("239.255.172.215", 16571)


@dataclass(frozen=True, eq=False)
class _Spikes:
    """The spike stream as announced. ``gauge``: what watches its channels."""

    uid: str
    name: str
    shape: SpikeStream
    dtype: np.dtype[np.generic]
    gauge: Gauge


class Doctor:
    """Checks this computer, every visible stream, and a bundle; decodes and publishes nothing.

    ``seconds``: how long to listen. ``say`` is told what is going on. Ends early on ``stop``.
    """

    def __init__(
        self, settings: DecodeSettings, seconds: float, stop: Event, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._seconds = seconds
        self._stop = stop
        self._say = say
        self._findings: list[Finding] = []

    def examine(self, folder: Path | None) -> Checkup:
        """Check all there is; ``folder``: of the bundle, if one is to be checked."""
        self._say("looking for streams")
        infos = pylsl.resolve_streams(_LOOK_S)
        info = self._find_spikes()
        if info and info.uid() not in [seen.uid() for seen in infos]:
            infos.append(info)
        infos.sort(key=lambda seen: (seen.source_id(), seen.name(), seen.hostname()))
        spikes = self._announced(info) if info else None
        streams, spike_check = self._listen(infos, info.uid() if info else "", spikes)
        bundle = self._check_bundle(folder, spikes) if folder else None
        surroundings = self._check_surroundings(infos)
        return Checkup(
            _versions(), surroundings, streams, spike_check, bundle, tuple(self._findings)
        )

    def _find_spikes(self) -> pylsl.StreamInfo | None:
        """The one spike stream, as the decoder finds it."""
        try:
            return find_stream(spike_query(self._settings.input), _WAIT_S, self._stop.is_set)
        except StreamError as error:
            self._no_go(str(error))
            return None

    def _announced(self, info: pylsl.StreamInfo) -> _Spikes | None:
        """What the spike stream says of itself; None if it can't be decoded."""
        described = full_info(info)
        if described is None:
            self._no_go(
                f"'{info.name()}' is visible, but host {info.hostname()} does not answer: open "
                f"{_PORTS}"
            )
            return None
        try:
            shape = read_spike_stream(described, self._settings.input.kind)
            unit = next((unit for unit in described.get_channel_units() or () if unit), "a.u.")
            dtype = np.dtype(pylsl.lib.fmt2npdtype[described.channel_format()])
            gauge = gauge_for(shape, unit, dtype, self._settings, self._seconds)
        except StreamError as error:
            self._no_go(str(error))
            return None
        return _Spikes(info.uid(), info.name(), shape, dtype, gauge)

    def _listen(
        self, infos: Sequence[pylsl.StreamInfo], spikes_uid: str, spikes: _Spikes | None
    ) -> tuple[tuple[StreamCheck, ...], SpikeCheck | None]:
        """Listen to all streams of numbers at once."""
        numeric = [info for info in infos if info.channel_format() != pylsl.cf_string]
        if numeric:
            self._say(f"listening for {self._seconds:g} s")
        takes = {spikes.uid: spikes.gauge.take} if spikes else {}
        heard_of = dict(
            zip(
                [info.uid() for info in numeric],
                listen(numeric, self._seconds, self._stop, takes),
                strict=True,
            )
        )
        checks = tuple(
            self._check_stream(info, heard_of.get(info.uid()), info.uid() == spikes_uid)
            for info in infos
        )
        if spikes is None:
            return checks, None
        heard = heard_of[spikes.uid]
        check = SpikeCheck(spikes.name, spikes.shape.kind, spikes.gauge.health(heard.listened_s))
        if heard.stamps_s.size and not heard.problem:
            self._findings += judge_health(check, heard.listened_s)
        return checks, check

    def _check_stream(
        self, info: pylsl.StreamInfo, heard: Heard | None, is_spikes: bool
    ) -> StreamCheck:
        """One visible stream, and what was heard of it: None if it is of text."""
        same_host = info.hostname() == socket.gethostname()
        before_s, after_s = heard.offsets_s if heard else (nan, nan)
        # As in the decoder: on one host there is one clock, an estimate would only add its error.
        offset_s = 0.0 if same_host else after_s
        timing = _timing(heard, offset_s, info.nominal_srate()) if heard else None
        check = StreamCheck(
            name=info.name(),
            type=info.type(),
            n_channels=info.channel_count(),
            nominal_hz=info.nominal_srate(),
            format=pylsl.lib.fmt2string[info.channel_format()],
            host=info.hostname(),
            source_id=info.source_id(),
            is_spikes=is_spikes,
            offset_ms=1000 * after_s,
            timing=timing,
        )
        if heard and heard.problem:
            text = f"'{check.name}' {heard.problem}: restart the program that sends it, or open "
            level = Level.NO_GO if is_spikes else Level.WARNING
            self._findings.append(Finding(level, text + _PORTS))
        if timing:
            grace_ms = self._settings.input.grace_ms
            self._findings += judge_timing(f"'{check.name}'", timing, grace_ms, is_spikes)
            self._findings += judge_clock(check, same_host, 1000 * before_s)
        return check

    def _check_bundle(self, folder: Path, spikes: _Spikes | None) -> BundleCheck | None:
        """Load a bundle, see whether the stream fits it, and time its decoder."""
        self._say("checking the bundle")
        try:
            model = load_bundle(folder).model
        except BundleError as error:
            self._no_go(str(error))
            return None
        n_channels, hop_ms = len(model.channel_ids), model.window.hop_ns / 1e6
        untimed = BundleCheck(str(folder), n_channels, hop_ms, None, nan, nan, nan)
        if spikes is None:
            return untimed
        try:
            binner = live_binner(spikes.shape, model, self._settings)
        except StreamError as error:
            self._no_go(str(error))
            return replace(untimed, fits=False)
        started_s = time.perf_counter()
        decoder = Decoder(model, binner, local_now_ns)
        decoder.warm_up(spikes.dtype)
        warm_up_s = time.perf_counter() - started_s
        p50_us, p99_us = self._time_steps(decoder, hop_ms / 1000)
        check = replace(
            untimed, fits=True, warm_up_s=warm_up_s, step_p50_us=p50_us, step_p99_us=p99_us
        )
        self._findings += judge_bundle(check)
        return check

    def _time_steps(self, decoder: Decoder, hop_s: float) -> tuple[float, float]:
        """Median and 99th percentile of a step, in µs."""
        pause_s = min(hop_s, _LONGEST_PAUSE_S)
        steps_ns: list[float] = []
        with no_garbage_collection():
            while len(steps_ns) < _N_STEPS and not self._stop.wait(pause_s):
                started_ns = time.perf_counter_ns()
                decoder.rehearse()
                steps_ns.append(time.perf_counter_ns() - started_ns)
        p50_ns, p99_ns = np.percentile(steps_ns or [nan], [50, 99])
        return float(p50_ns) / 1000, float(p99_ns) / 1000

    def _check_surroundings(self, infos: Sequence[pylsl.StreamInfo]) -> dict[str, str]:
        """The computer, how liblsl is configured, and the networks."""
        config = lsl_config_file()
        # Streams of other sessions are invisible, so any that is seen tells ours.
        session = infos[0].session_id() if infos else _session_of(config)
        if not infos:
            self._warn(
                "no LSL stream is visible at all. If a source runs: it must be in the same network "
                f"and in LSL session '{session}' (SessionID in lsl_api.cfg) too; open {_PORTS}"
            )
        asked = os.environ.get("LSLAPICFG", "")
        if asked and not Path(asked).is_file():
            self._warn(
                f"LSLAPICFG names {asked}, which is no file, so liblsl ignores it: put the file "
                "there or clear the variable"
            )
        address = _address()
        if not address:
            self._warn(
                "no network leads to other computers, streams of this one alone are visible: plug "
                "in the cable, or mend the network's settings"
            )
        computer = look_at_computer()
        self._findings += judge_computer(computer, self._settings.timing)
        return {
            "platform": platform.platform(),
            **computer.facts(self._settings.timing),
            "liblsl_build": pylsl.library_info(),
            "liblsl_config": str(config or "none, its defaults"),
            "lsl_session": session,
            "network_interfaces": _interfaces(),
            "address_used": address or "none",
        }

    def _no_go(self, text: str) -> None:
        self._findings.append(Finding(Level.NO_GO, text))

    def _warn(self, text: str) -> None:
        self._findings.append(Finding(Level.WARNING, text))


def _timing(heard: Heard, offset_s: float, nominal_hz: float) -> Timing | None:
    """Timing of what was heard, on the source's clock; None if it could not be heard."""
    if heard.problem and not heard.stamps_s.size:
        return None
    arrived_s = heard.arrived_s - offset_s
    return timing_of(heard.stamps_s, arrived_s, nominal_hz, heard.listened_s)


def _versions() -> dict[str, str]:
    """Versions of all that takes part in decoding."""
    packages = ("numpy", "numba", "onnxruntime", "pylsl")
    major, minor = divmod(pylsl.library_version(), 100)
    return {
        "rt-ner": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "liblsl": f"{major}.{minor}",
    }


def _session_of(config: Path | None) -> str:
    """The LSL session that a config file sets."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read(config or ())
    except (configparser.Error, UnicodeDecodeError) as error:
        return f"unknown: {config} can't be read: {error}"
    return parser.get("lab", "SessionID", fallback="default")


def _interfaces() -> str:
    """Names of the network interfaces, as the operating system has them."""
    try:
        return ", ".join(name for _, name in socket.if_nameindex())
    except OSError as error:
        return f"unknown: {error}"


def _address() -> str:
    """Address of this computer on the network that LSL's questions leave by; empty if none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: it only chooses the way.
            probe.connect(_LSL_GROUP)
        except OSError:
            return ""
        return str(probe.getsockname()[0])

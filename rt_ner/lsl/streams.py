"""Announce and open streams: the one definition of the wire format of all that rt-ner sends.

Metadata follow the XDF conventions (``channels/channel/{label,unit,type}``, ``acquisition``,
``synchronization``). Every stamp is the *end* of the interval that its sample covers, in seconds
of the sender's LSL clock. The streams of one source share a prefix of their ``source_id``:
``rig/spikes``, ``rig/kinematics``, ….
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pylsl

from rt_ner.core.clock import NS_PER_S, ns_from_s
from rt_ner.core.contract.kinds import LSL_TYPE, Kind, source_id_of
from rt_ner.lsl.network.search import reaches_others

# liblsl's buffer for events, in its "seconds" of 100 samples each for a stream without a rate. What
# its own default holds, 36,000 events, is a third of a second of a busy array; then the oldest are
# overwritten, and nobody is told.
EVENT_BUFFER_S = 20_000
_ABOUT = "about"
_PORTS_ALONE = 256
# Names of liblsl's sample types, as XDF writes them.
FORMAT_NAMES = {
    getattr(pylsl, f"cf_{name}"): name
    for name in ("int8", "int16", "int32", "int64", "float32", "double64", "string", "undefined")
}


_FORMAT = {
    Kind.SPIKES: pylsl.cf_int16,
    Kind.EVENTS: pylsl.cf_int32,
    Kind.BROADBAND: pylsl.cf_int16,
    Kind.KINEMATICS: pylsl.cf_double64,
    Kind.MARKERS: pylsl.cf_string,
    Kind.PUSHED: pylsl.cf_double64,
    Kind.VELOCITY: pylsl.cf_float32,
    Kind.OUTPUT: pylsl.cf_float32,
    Kind.CLASSES: pylsl.cf_float32,
    Kind.LATENT: pylsl.cf_float32,
    Kind.TIMING: pylsl.cf_double64,
    Kind.COUNTS: pylsl.cf_float32,
    Kind.NORMALISATION: pylsl.cf_double64,
    Kind.STATE: pylsl.cf_string,
    Kind.NOTICES: pylsl.cf_string,
    Kind.COMMANDS: pylsl.cf_string,
    Kind.CURSOR: pylsl.cf_float32,
    Kind.TARGET: pylsl.cf_float32,
    Kind.TASK: pylsl.cf_string,
}


def local_now_ns() -> int:
    """Return the present on the local LSL clock, in ns."""
    return ns_from_s(pylsl.local_clock())


def lsl_config_file() -> Path | None:
    """Return the file that configures liblsl: the first that exists, in liblsl's own order."""
    asked = os.environ.get("LSLAPICFG")
    files = [Path(asked)] if asked else []
    files += [
        Path("lsl_api.cfg"),
        Path(os.path.expanduser("~/lsl_api/lsl_api.cfg")),  # noqa: PTH111 - never raises
        Path("/etc/lsl_api/lsl_api.cfg"),
    ]
    return next((file for file in files if file.is_file()), None)


def quiet_liblsl() -> None:
    """Keep liblsl's own log off the terminal, unless the user has configured liblsl.

    rt-ner reports the same events, such as a lost source, in the operator's terms. Call this
    before any other use of LSL in the process.

    On a computer without a network, liblsl asks port by port. Its usual 32 ports are too few there:
    each stream takes two, and others are taken by those who search and listen.
    """
    if lsl_config_file() is None:
        ports = "" if reaches_others() else f"[ports]\nPortRange = {_PORTS_ALONE}\n"
        pylsl.set_config_content(f"[log]\nlevel = -3\n{ports}")


def announce(
    source: str,
    kind: Kind,
    labels: Sequence[str],
    unit: str | Sequence[str],
    rate_hz: float,
    lsl_format: int | None = None,
) -> pylsl.StreamInfo:
    """Return the announcement of a stream of the contract, with its metadata.

    Parameters
    ----------
    source
        Name of the source, the first part of the ``source_id``.
    kind
        Kind of the stream, which gives its LSL type.
    labels
        One per channel.
    unit
        Unit of all channels, or one per channel.
    rate_hz
        Nominal sample rate in Hz; 0: irregular.
    lsl_format
        pylsl's number of the samples' type; None: the usual one for the kind.

    Returns
    -------
    pylsl.StreamInfo
        The announcement, to open an outlet with.

    """
    info = pylsl.StreamInfo(
        f"{source}-{kind}",
        LSL_TYPE[kind],
        len(labels),
        rate_hz,
        _FORMAT[kind] if lsl_format is None else lsl_format,
        source_id_of(source, kind),
    )
    describe(info, labels, unit)
    return info


def describe(
    info: pylsl.StreamInfo,
    labels: Sequence[str],
    unit: str | Sequence[str],
    kind: str | Sequence[str] = "",
) -> None:
    """Add the metadata that every stream of rt-ner carries.

    ``unit`` and ``kind`` are those of all channels, or one per channel; no kind: the LSL type.
    """
    info.set_channel_labels(list(labels))
    info.set_channel_units(unit if isinstance(unit, str) else list(unit))
    kind = kind or info.type()
    info.set_channel_types(kind if isinstance(kind, str) else list(kind))
    info.desc().append_child("acquisition").append_child_value("manufacturer", "rt-ner")
    synchronization = info.desc().append_child("synchronization")
    synchronization.append_child_value("stamped_at", "end of the sample's interval")


def open_outlet(
    source: str,
    kind: Kind,
    labels: Sequence[str],
    unit: str | Sequence[str],
    period_ns: int | None,
    about: Mapping[str, str] = MappingProxyType({}),
) -> pylsl.StreamOutlet:
    """Announce a stream of the contract and open it.

    Parameters
    ----------
    source
        Name of the source, the first part of the ``source_id``.
    kind
        Kind of the stream, which gives its LSL type and format.
    labels
        One per channel.
    unit
        Unit of all channels, or one per channel.
    period_ns
        Sample period in ns; None: irregular.
    about
        Further metadata by name, which `about_of` reads.

    Returns
    -------
    pylsl.StreamOutlet
        The open stream.

    """
    rate_hz = NS_PER_S / period_ns if period_ns else pylsl.IRREGULAR_RATE
    info = announce(source, kind, labels, unit, rate_hz)
    node = info.desc().append_child(_ABOUT)
    for name, value in about.items():
        node.append_child_value(name, value)
    return pylsl.StreamOutlet(info, chunk_size=1)


def about_of(info: pylsl.StreamInfo) -> dict[str, str]:
    """Return the further metadata, by name, that `open_outlet` gave a stream."""
    about = {}
    entry = info.desc().child(_ABOUT).first_child()
    while not entry.empty():
        about[entry.name()] = entry.child_value()
        entry = entry.next_sibling()
    return about


def add_electrodes(info: pylsl.StreamInfo, labels: Sequence[str]) -> None:
    """Write into an event stream's metadata which electrodes its channel numbers stand for."""
    electrodes = info.desc().append_child("electrodes")
    for label in labels:
        electrodes.append_child("electrode").append_child_value("label", label)


def electrodes_of(info: pylsl.StreamInfo) -> list[str]:
    """Return the labels of an event stream's electrodes, in order of number; empty if none."""
    labels = []
    electrode = info.desc().child("electrodes").child("electrode")
    while not electrode.empty():
        labels.append(electrode.child_value("label"))
        electrode = electrode.next_sibling("electrode")
    return labels

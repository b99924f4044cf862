"""Read how this computer takes part in LSL: configuration, session, interfaces, address."""

import configparser
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pylsl

from rt_ner.lsl.streams import lsl_config_file

LSL_PORTS = "ports 16571 to 16604 (UDP and TCP) in the firewalls of both computers"
# LSL asks here for streams: the route to it shows which network is used.
_LSL_GROUP = ("239.255.172.215", 16571)


@dataclass(frozen=True)
class Network:
    """LSL configuration and network of this computer.

    ``absent_config`` is the file that LSLAPICFG names but that does not exist, else empty.
    ``address`` is its address on the network that LSL uses; empty if there is none.
    """

    config: Path | None
    absent_config: str
    session: str
    interfaces: str
    address: str

    def facts(self) -> dict[str, str]:
        """Return the same for the report."""
        return {
            "liblsl_build": pylsl.library_info(),
            "liblsl_config": str(self.config or "none, its defaults"),
            "lsl_session": self.session,
            "network_interfaces": self.interfaces,
            "address_used": self.address or "none",
        }


def read_network(infos: Sequence[pylsl.StreamInfo]) -> Network:
    """Ask the operating system and liblsl; ``infos`` are the visible streams."""
    config = lsl_config_file()
    named = os.environ.get("LSLAPICFG", "")
    return Network(
        config=config,
        absent_config=named if named and not Path(named).is_file() else "",
        # Streams of other sessions are invisible, so any visible one belongs to ours.
        session=infos[0].session_id() if infos else _session_of(config),
        interfaces=_interfaces(),
        address=_address(),
    )


def _session_of(config: Path | None) -> str:
    """Return the LSL session that a configuration file sets."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read(config or ())
    except (configparser.Error, UnicodeDecodeError) as error:
        return f"unknown: {config} can't be read: {error}"
    return parser.get("lab", "SessionID", fallback="default")


def _interfaces() -> str:
    """Return the names of the network interfaces."""
    try:
        return ", ".join(name for _, name in socket.if_nameindex())
    except OSError as error:
        return f"unknown: {error}"


def _address() -> str:
    """Return this computer's address on the network that LSL uses; empty if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: this only chooses the route.
            probe.connect(_LSL_GROUP)
        except OSError:
            return ""
        return str(probe.getsockname()[0])

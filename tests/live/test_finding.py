"""Streams are found on any network: none, one cable, several, and over a router.

Each computer is a Linux network namespace, and each program on it a real process.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.networks import Networks, open_networks

# Announces spike streams of these names until it is killed.
ANNOUNCE = """
import sys, threading, pylsl
outlets = [
    pylsl.StreamOutlet(pylsl.StreamInfo(name, "Spikes", 2, 1000, "int16", f"{name}/spikes"))
    for name in sys.argv[1:]
]
print("announced")
threading.Event().wait()
"""
# Counts the streams that are found of so many, in a program of rt-ner's.
COUNT = """
import sys, pylsl
from rt_ner.lsl.network.search import StreamSearch
from rt_ner.lsl.streams import quiet_liblsl
quiet_liblsl()
outlets = [
    pylsl.StreamOutlet(pylsl.StreamInfo("s", "Spikes", 2, 1000, "int16", f"s{number}"))
    for number in range(int(sys.argv[1]))
]
print(len(StreamSearch().settled()))
"""
# Finds the spike stream with this source_id, or the only one.
FIND = """
import json, sys, time
from rt_ner.core.errors import StreamError
from rt_ner.lsl.discovery import StreamQuery, find_stream
query = StreamQuery(("Spikes",), source_id=sys.argv[1])
try:
    found = find_stream(query, 20.0, lambda: False)
    print(json.dumps({"source_id": found.source_id(), "host": found.hostname()}))
except StreamError as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Networks]:
    with open_networks(tmp_path) as opened:
        yield opened


@pytest.fixture
def routed(networks: Networks) -> Networks:
    """Two computers, and a router between them; only ``here`` knows of the other."""
    for name in ("there", "router", "here"):
        networks.add(name)
    networks.join("router", "there", "10.77.1")
    networks.join("router", "here", "10.77.2")
    networks.route("there", "10.77.1.1")
    networks.route("here", "10.77.2.1")
    networks.forward("router")
    return networks


def announce(networks: Networks, place: str, *names: str, host: str = "") -> None:
    process = networks.start(place, "-c", ANNOUNCE, *names, host=host)
    assert process.stdout
    assert process.stdout.readline() == "announced\n"


def found(networks: Networks, place: str, source_id: str = "", peers: str = "") -> dict[str, Any]:
    process = networks.start(place, "-c", FIND, source_id, peers=peers)
    output, _ = process.communicate()
    answer: dict[str, Any] = json.loads(output)
    return answer


def test_each_stream_of_a_computer_without_a_network_is_found(networks: Networks) -> None:
    networks.add("alone")
    announce(networks, "alone", "a", "b", "c")
    for name in "abc":
        assert found(networks, "alone", f"{name}/spikes")["source_id"] == f"{name}/spikes"
    assert found(networks, "alone")["error"].startswith("3 streams match type='Spikes'")


def test_a_computer_without_a_network_has_ports_for_many_streams(networks: Networks) -> None:
    """liblsl's own range of ports is full after 16 of them."""
    networks.add("alone")
    output, _ = networks.start("alone", "-c", COUNT, "40", configured=False).communicate()
    assert output == "40\n"


def test_a_computer_that_does_not_reach_itself_is_told_so(networks: Networks) -> None:
    networks.add("dead", loopback=False)
    for command in (["noise", "--name", "n"], ["record", "recordings"], ["task"]):
        process = networks.start("dead", "-m", "rt_ner", *command)
        output, _ = process.communicate()
        assert output.startswith("rt-ner: this computer has no network, not even to itself")
        assert "ip link set lo up" in output
        assert output.count("\n") == 1
        assert process.returncode == 2


def test_a_stream_that_two_interfaces_reach_is_one(networks: Networks) -> None:
    networks.add("there")
    networks.add("here")
    networks.join("there", "here", "10.77.1")
    networks.join("there", "here", "10.77.2")
    announce(networks, "there", "a", host="another-host")
    assert found(networks, "here") == {"source_id": "a/spikes", "host": "another-host"}


def test_a_known_peer_behind_a_router_is_found(routed: Networks) -> None:
    announce(routed, "there", "far", host="another-host")
    answer = found(routed, "here", peers="10.77.1.2")
    assert answer == {"source_id": "far/spikes", "host": "another-host"}


def test_a_stream_near_by_does_not_hide_one_behind_a_router(routed: Networks) -> None:
    announce(routed, "there", "far")
    announce(routed, "here", "near")
    answer = found(routed, "here", peers="10.77.1.2")
    assert answer["error"].startswith("2 streams match type='Spikes'")


def test_a_source_behind_a_router_is_decoded(routed: Networks, small_bundle_folder: Path) -> None:
    routed.start("there", "-m", "rt_ner", "noise", "--name", "far", "--no-wait", host="another")
    decoder = routed.start(
        *("here", "-m", "rt_ner", "decode", str(small_bundle_folder)), peers="10.77.1.2"
    )
    assert_says(decoder, "RUNNING")


def test_a_name_that_is_taken_behind_a_router_is_refused(
    routed: Networks, small_bundle_folder: Path
) -> None:
    first = routed.start(
        *("there", "-m", "rt_ner", "decode", str(small_bundle_folder), "--name", "rig"),
        host="another-host",
    )
    assert_says(first, "CONNECTING")
    second = routed.start(
        *("here", "-m", "rt_ner", "decode", str(small_bundle_folder), "--name", "rig"),
        peers="10.77.1.2",
    )
    output, _ = second.communicate()
    assert "the name 'rig' is taken: host another-host publishes rig/" in output
    assert "--name" in output
    assert second.returncode == 2


def assert_says(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdout
    assert any(word in line for line in process.stdout), f"it ended before {word}"

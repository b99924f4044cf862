"""Names of computers and decoders."""

import socket

import pytest

from rt_ner.core.contract.names import decoder_name, is_same_host
from rt_ner.live.settings import OutputSettings


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("amp", "amp", True),
        ("amp", "amp.lan", True),
        ("amp.lan", "amp", True),
        ("amp.lan", "amp.lab.org", False),
        ("amp", "amp2", False),
        ("amp", "", False),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_a_domain_that_one_name_lacks_makes_no_other_host(one: str, other: str, same: bool) -> None:
    assert is_same_host(one, other) is same


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("rig1", "rt-ner@rig1"),
        ("rig1.lab.org", "rt-ner@rig1"),
        ("my rig/2", "rt-ner@my-rig-2"),
        ("", "rt-ner@localhost"),
    ],
)
def test_a_decoder_is_named_after_its_host(
    host: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert decoder_name() == name
    assert OutputSettings().source == name
    assert OutputSettings(source="mine").source == "mine"

"""Judge the network: visible streams, liblsl's configuration, the route to other computers."""

from rt_ner.doctor.checks.network import LSL_PORTS, Network
from rt_ner.doctor.checkup import Finding, warnings


def network_findings(network: Network, n_streams: int) -> list[Finding]:
    """Return what can keep streams of other programs and computers from being seen."""
    problems = []
    if not n_streams:
        problems.append(
            "no LSL stream is visible, expected at least the spikes: start the source; if it runs, "
            "check that it is on the same network and in the same LSL session, "
            f"'{network.session}' (SessionID in lsl_api.cfg), and open {LSL_PORTS}"
        )
    if network.absent_config:
        problems.append(
            f"LSLAPICFG names {network.absent_config}, which is not a file, so liblsl ignores it: "
            "put the file there or clear the variable"
        )
    if not network.address:
        problems.append(
            "this computer is not connected to a network, so only its own streams are visible: "
            "plug in the cable, or correct the network settings"
        )
    return warnings(problems)

"""Open both ports over LSL, as the settings ask."""

from collections import deque
from collections.abc import Mapping

from rt_ner.core.contract.kinds import DECODER_KINDS
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.ports.joined.spikes import join_spikes
from rt_ner.live.ports.lsl.results import LslResults
from rt_ner.live.ports.lsl.spikes import LslClock, LslSpikes
from rt_ner.live.ports.protocols import Ports
from rt_ner.live.settings import DecodeSettings
from rt_ner.lsl.network.own_names import OwnNames


def open_lsl_ports(
    model: DecoderSpecification,
    settings: DecodeSettings,
    about: Mapping[str, str],
    alarms: deque[str],
) -> Ports:
    """Announce the decoder's streams, and begin to watch the network.

    ``about``: description of the decoder in the header of the state stream, by name. Raises
    StreamError if another decoder publishes under the same name.
    """
    names = OwnNames(settings.output.source, DECODER_KINDS)
    names.alarm = alarms.append
    results = LslResults(settings, model, about, names.add, alarms.append)
    clock = LslClock()
    first, *others = settings.input.each_source()
    spikes = LslSpikes(first, names, alarms.append, [names.watch()])
    if not others:
        return Ports(spikes, results, clock, alarms)
    singles = [spikes, *(LslSpikes(each, names, alarms.append) for each in others)]
    return Ports(join_spikes(singles, settings, clock, alarms), results, clock, alarms)

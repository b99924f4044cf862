"""Send results over LSL: the streams that the decoder publishes."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event

import numpy as np
import pylsl

from rt_ner.core.arrays import Float32Array
from rt_ner.core.clock import s_from_ns
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.decoding.chunks import Decoded
from rt_ner.decoding.encoding.normalisation import Moments
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.ports.lsl.output_outlet import OutputOutlet, open_classes
from rt_ner.live.settings import DecodeSettings
from rt_ner.live.states import State
from rt_ner.lsl.streams import local_now_ns, open_outlet

_LINGER_S = 0.2


class LslResults:
    """The results port over LSL: a stream each for outputs, latent, timing, counts and so on.

    ``about``: description of the decoder in the header of the state stream, by name. ``opened`` is
    called with each outlet, ``alarm`` with sentences for the operator, from any thread.
    """

    def __init__(
        self,
        settings: DecodeSettings,
        model: DecoderSpecification,
        about: Mapping[str, str],
        opened: Callable[[pylsl.StreamOutlet], None],
        alarm: Callable[[str], object],
    ) -> None:
        source, hop_ns = settings.output.source, model.window.hop_ns
        self._source, self._hop_ns, self._channel_ids = source, hop_ns, model.channel_ids
        latents = [f"z{dimension + 1}" for dimension in range(len(model.readout.matrix))]
        self._output = OutputOutlet(settings, hop_ns, alarm, model.readout.outputs)
        classifier = model.classifier
        self._classes = open_classes(settings, classifier, hop_ns) if classifier else None
        self._latent = open_outlet(source, Kind.LATENT, latents, "a.u.", hop_ns)
        self._timing = open_outlet(source, Kind.TIMING, TIMING_LABELS, "seconds", hop_ns)
        self._state = open_outlet(source, Kind.STATE, ["state"], "", None, about)
        self._counts: pylsl.StreamOutlet | None = None
        self._notices = open_outlet(source, Kind.NOTICES, ["notice"], "", None)
        self._opened = opened
        self._normalisation = self._open_normalisation() if model.normalisation else None
        for outlet in (
            self._output.outlet,
            self._classes,
            self._latent,
            self._timing,
            self._state,
            self._notices,
        ):
            if outlet is not None:
                opened(outlet)

    def announce_counts(self, source_id: str) -> None:
        """Open the stream of counts, once it is known which source is counted."""
        if self._counts is None:
            about = {"input": source_id}
            self._counts = open_outlet(
                self._source, Kind.COUNTS, self._channel_ids, "spikes", self._hop_ns, about
            )
            self._opened(self._counts)

    def push_output(self, values: Float32Array, stamp_ns: int) -> None:
        """Send the outputs of a hop, first of all, because the cursor waits for them."""
        self._output.push(values, stamp_ns)

    def warm_caches(self, values: Float32Array) -> None:
        """Run all the code of `push_output` but the sending."""
        self._output.warm_caches(values)

    def push_classes(self, probabilities: Float32Array, stamp_ns: int) -> None:
        """Send the classes' probabilities."""
        assert self._classes
        self._classes.push_sample(probabilities, s_from_ns(stamp_ns))

    def push_latent(self, decoded: Decoded) -> None:
        """Send the latent of a hop."""
        self._latent.push_sample(decoded.latent, s_from_ns(decoded.end_ns))

    def push_timing(self, end_ns: int, values: Sequence[float]) -> None:
        """Send a row of `TIMING_LABELS`: stage stamps in s, counts, gain, state, bundle."""
        self._timing.push_sample(values, s_from_ns(end_ns))

    def push_counts(self, end_ns: int, counts: Float32Array) -> None:
        """Send the spikes of a hop, ``(channel,)`` in the bundle's order."""
        assert self._counts
        self._counts.push_sample(counts, s_from_ns(end_ns))

    def push_normalisation(self, end_ns: int, moments: Moments) -> None:
        """Send the state of the running normalisation, in force from the end of a hop on."""
        if self._normalisation is None:
            # The first bundle had none, the one swapped in has one.
            self._normalisation = self._open_normalisation()
        state = np.concatenate([moments.root, moments.count])
        self._normalisation.push_sample(state, s_from_ns(end_ns))

    def push_state(self, state: State, stamp_ns: int) -> None:
        """Send a change of state."""
        self._state.push_sample([str(state)], s_from_ns(stamp_ns))

    def push_notice(self, notice: str) -> None:
        """Send a notice, a sentence for the operator."""
        self._notices.push_sample([notice], s_from_ns(local_now_ns()))

    def close(self) -> None:
        """Wait until the last samples have left, which closing a stream would drop, then close."""
        Event().wait(_LINGER_S)
        self._output.close()

    def _open_normalisation(self) -> pylsl.StreamOutlet:
        names = ("root", "count")
        labels = [f"{name}/{channel}" for name in names for channel in self._channel_ids]
        units = [unit for unit in ("sqrt(spikes)", "spikes") for _ in self._channel_ids]
        outlet = open_outlet(self._source, Kind.NORMALISATION, labels, units, None)
        self._opened(outlet)
        return outlet

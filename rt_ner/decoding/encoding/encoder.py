"""Encode windows of raw counts to latents, by the exported graph or spike by spike."""

from typing import Protocol

import numpy as np
import onnxruntime as ort

from rt_ner.core.arrays import Float32Array, Int64Array
from rt_ner.core.errors import BundleError
from rt_ner.decoding.encoding.kernels import project, project_offset, run_layers
from rt_ner.decoding.encoding.normalisation import ChannelScale
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.windows import Window

INPUT_NAME, OUTPUT_NAME = "counts", "latent"
# Further inputs of a graph with a running normalisation: root counts · gain + offset, per channel.
GAIN_NAME, OFFSET_NAME = "gain", "offset"


class Encoder(Protocol):
    """An encoder bound to a window. ``latent``: its result, ``(latent,)``, rewritten each time."""

    latent: Float32Array

    def push(self) -> None:
        """Take the newest bin of the window: once per hop, even if the hop is not encoded."""
        ...

    def encode(self) -> None:
        """Write ``latent`` for the window as it is now."""
        ...

    def fill(self) -> None:
        """Take all bins in the window, as if each had been pushed, with the scale as it is now."""
        ...

    def warm_caches(self) -> None:
        """Repeat the newest push and encode, only to keep the processor's caches warm."""
        ...


def encoder_of(
    onnx: bytes, weights: EncoderWeights | None, window: Window, scale: ChannelScale | None = None
) -> Encoder:
    """Return the fast encoder if the weights are known, otherwise the graph's.

    ``scale``: that of the running normalisation; None without one. `Encoder.fill` takes up what it
    has become.
    """
    if weights is None:
        return GraphEncoder(onnx, window, scale)
    return SpikeEncoder(weights, window, scale)


class GraphEncoder:
    """An encoder that runs the ONNX graph on one window of counts at a time.

    Always one, so that live and offline agree bit for bit: matrix kernels differ with the batch
    size, and so do their last bits. One thread, no spinning: the work takes some tens of
    microseconds, and a second thread would only add jitter. Raises BundleError if the graph was
    made for other windows.
    """

    def __init__(self, model: bytes, window: Window, scale: ChannelScale | None = None) -> None:
        self._session = _opened(model)
        self._window = window
        values = window.values
        latent_dim = _checked_latent_dim(self._session, values.shape, scale is not None)
        self.latent: Float32Array = np.zeros(latent_dim, dtype=np.float32)
        self._binding = self._session.io_binding()
        self._binding.bind_input(INPUT_NAME, "cpu", 0, np.float32, values.shape, values.ctypes.data)
        for name, array in _scale_inputs(scale):
            self._binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self._binding.bind_output(
            OUTPUT_NAME, "cpu", 0, np.float32, (1, latent_dim), self.latent.ctypes.data
        )

    def push(self) -> None:
        """Do nothing, because the graph reads the whole window."""

    def encode(self) -> None:
        """Write ``latent`` for the window as it is now."""
        self._window.sum_up()
        self.run_graph()

    def run_graph(self) -> None:
        """Run the graph on the sums of the window as they are."""
        self._session.run_with_iobinding(self._binding)

    def fill(self) -> None:
        """Do nothing, because the graph reads the whole window."""

    def warm_caches(self) -> None:
        """Repeat the newest encode."""
        self.encode()


class SpikeEncoder:
    """An encoder that runs the same network, but its first layer only on spikes.

    The first layer is a sum over bins. While a bin moves through the window, its part of the sum
    changes only by the basis' weights. So each bin is multiplied with the layer's weights once,
    when it is the newest, and only for the channels that fired: the cost does not grow with the
    history, and it grows with the spikes rather than with the channels.
    """

    def __init__(
        self, weights: EncoderWeights, window: Window, scale: ChannelScale | None = None
    ) -> None:
        if (weights.n_bins, weights.n_channels) != window.values.shape[1:]:
            raise BundleError(
                f"the weights take windows of {(weights.n_bins, weights.n_channels)} (bins, "
                f"channels) but the manifest says {window.values.shape[1:]}: the bundle is "
                "inconsistent, train it again"
            )
        self._weights = weights
        self._window = window
        self._hops_per_bin = window.hops_per_bin
        self._scale = ChannelScale(weights.n_channels) if scale is None else scale
        self._silence: Float32Array = np.zeros(weights.first.shape[1], np.float32)
        self._parts: Float32Array = np.zeros((window.n_hops, weights.first.shape[1]), np.float32)
        self._slot: Int64Array = np.zeros(1, dtype=np.int64)
        self._network = (
            (weights.basis, weights.first_bias),
            (weights.second, weights.second_bias),
            (weights.latent, weights.latent_bias),
        )
        first, second, self.latent = (np.zeros_like(bias) for _, bias in self._network)
        self._hidden = first, second, self.latent
        self.fill()

    def push(self) -> None:
        """Multiply the newest bin with the first layer's weights."""
        self._slot[0] = (self._slot[0] + 1) % len(self._parts)
        self._project(self._window.newest)

    def encode(self) -> None:
        """Write ``latent`` for the bins of the window."""
        run_layers(self._parts, self._slot, self._hops_per_bin, self._network, self._hidden)

    def fill(self) -> None:
        """Multiply all bins of the window with the first layer's weights, one for every hop."""
        project_offset(self._scale.offset, self._weights.first, self._silence)
        for bin_counts in self._window.all_bins():
            self._slot[0] = (self._slot[0] + 1) % len(self._parts)
            self._project(bin_counts)

    def warm_caches(self) -> None:
        """Repeat the newest push and encode: the same numbers in the same places."""
        self._project(self._window.newest)
        self.encode()

    def _project(self, bin_counts: Float32Array) -> None:
        gain, first = self._scale.gain, self._weights.first
        project(bin_counts, gain, first, self._silence, self._slot, self._parts)


class BatchEncoder:
    """The ONNX graph on many windows at once, for scores: the last bits may differ from live."""

    def __init__(self, model: bytes, scale: ChannelScale | None = None) -> None:
        self._session = _opened(model)
        self._scale = dict(_scale_inputs(scale))

    def encode(self, windows: Float32Array) -> Float32Array:
        """Return the latents ``(case, latent)`` of windows ``(case, bin, channel)``."""
        (latents,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: windows, **self._scale})
        return np.asarray(latents, dtype=np.float32)


def _opened(model: bytes) -> ort.InferenceSession:
    try:
        return ort.InferenceSession(model, _session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has no narrower base
        reason = str(error).splitlines()[0]
        raise BundleError(
            f"the encoder's graph can't be opened ({reason}): train the bundle again with the "
            "versions of rt-ner and onnxruntime that are installed here"
        ) from error


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _scale_inputs(scale: ChannelScale | None) -> list[tuple[str, Float32Array]]:
    """Return the names and arrays of the inputs that a running normalisation adds."""
    return [] if scale is None else [(GAIN_NAME, scale.gain), (OFFSET_NAME, scale.offset)]


def _checked_latent_dim(
    session: ort.InferenceSession, window_shape: tuple[int, ...], is_scaled: bool
) -> int:
    """Return the latent dimensions of a graph; BundleError if it takes something else."""
    names = [graph_input.name for graph_input in session.get_inputs()]
    expected = [INPUT_NAME, GAIN_NAME, OFFSET_NAME] if is_scaled else [INPUT_NAME]
    if names != expected or len(session.get_outputs()) != 1:
        raise BundleError(
            f"the encoder has the inputs {', '.join(names)} and {len(session.get_outputs())} "
            f"output(s), expected the inputs {', '.join(expected)} and 1 output: train it with "
            "rt-ner"
        )
    graph_input, (graph_output,) = session.get_inputs()[0], session.get_outputs()
    if tuple(graph_input.shape[1:]) != window_shape[1:]:
        raise BundleError(
            f"the encoder takes windows of {graph_input.shape[1:]} (bins, channels) but the "
            f"manifest says {list(window_shape[1:])}: the bundle is inconsistent, train it again"
        )
    return int(graph_output.shape[1])

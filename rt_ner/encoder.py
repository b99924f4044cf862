"""Encoder: the exported ONNX graph, raw counts to latents, on bound buffers."""

import numpy as np
import onnxruntime as ort

from rt_ner.arrays import Float32Array
from rt_ner.errors import BundleError

INPUT_NAME, OUTPUT_NAME = "counts", "latent"


class Encoder:
    """Runs the graph on one window of counts at a time.

    Always one, so that live and offline agree bit for bit: matrix kernels differ with the batch
    size, and so do their last bits.

    ``window``: the buffer ``(1, bin, channel)`` that the graph reads. ``latent``: ``(latent,)``,
    the buffer that it writes. One thread, no spinning: the work is some tens of microseconds, and
    a second thread only adds jitter.
    """

    def __init__(self, model: bytes, window: Float32Array) -> None:
        self._session = _opened(model)
        latent_dim = _checked_latent_dim(self._session, window.shape)
        self._window = window
        self.latent: Float32Array = np.zeros(latent_dim, dtype=np.float32)
        self._binding = self._session.io_binding()
        self._binding.bind_input(INPUT_NAME, "cpu", 0, np.float32, window.shape, window.ctypes.data)
        self._binding.bind_output(
            OUTPUT_NAME, "cpu", 0, np.float32, (1, latent_dim), self.latent.ctypes.data
        )

    def encode(self) -> None:
        """Write ``latent`` from what ``window`` holds now."""
        self._session.run_with_iobinding(self._binding)


def _opened(model: bytes) -> ort.InferenceSession:
    try:
        return ort.InferenceSession(model, _session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has no narrower base
        reason = str(error).splitlines()[0]
        raise BundleError(
            f"the encoder's graph can't be opened ({reason}): train the bundle with the versions "
            "of rt-ner and onnxruntime that are installed here"
        ) from error


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _checked_latent_dim(session: ort.InferenceSession, window_shape: tuple[int, ...]) -> int:
    """Latent dimensions of a graph that takes such a window; BundleError if it takes another."""
    if len(session.get_inputs()) != 1 or len(session.get_outputs()) != 1:
        raise BundleError("the encoder has several inputs or outputs: it is none of ours")
    (graph_input,), (graph_output,) = session.get_inputs(), session.get_outputs()
    if tuple(graph_input.shape[1:]) != window_shape[1:]:
        raise BundleError(
            f"the encoder takes windows of {graph_input.shape[1:]} (bins, channels) but the "
            f"manifest says {list(window_shape[1:])}: the bundle is inconsistent, export it again"
        )
    return int(graph_output.shape[1])

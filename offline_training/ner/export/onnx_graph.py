"""Write an ONNX file node by node, so that the same encoder gives the same file."""

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from rt_ner.decoding.encoding.encoder import GAIN_NAME, INPUT_NAME, OFFSET_NAME, OUTPUT_NAME

# Versions that every ONNX Runtime since 1.15 can read.
_OPSET, _IR_VERSION = 17, 9


def encoder_file(
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto],
    counts_shape: tuple[int, int],
    n_latents: int,
    is_scaled: bool = False,
) -> bytes:
    """Return a checked graph from counts ``[batch, bin, channel]`` to latents ``[batch, latent]``.

    ``is_scaled``: it also takes gains and offsets ``[channel]``. The same nodes and weights give
    the same file, byte for byte.
    """
    takes: list[str | int | None] = ["batch", *counts_shape]
    scale = (GAIN_NAME, OFFSET_NAME) if is_scaled else ()
    gives: list[str | int | None] = ["batch", n_latents]
    graph = helper.make_graph(
        nodes,
        "rt_ner_encoder",
        [
            helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, takes),
            *(helper.make_tensor_value_info(n, TensorProto.FLOAT, counts_shape[1:]) for n in scale),
        ],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, gives)],
        weights,
    )
    model = helper.make_model(
        graph,
        producer_name="rt-ner",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content

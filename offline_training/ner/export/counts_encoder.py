"""Write an encoder that passes on the newest bin's counts."""

import numpy as np
from onnx import helper, numpy_helper

from offline_training.ner.export.onnx_graph import encoder_file
from rt_ner.decoding.encoding.encoder import INPUT_NAME, OUTPUT_NAME


def counts_encoder(n_bins: int, n_channels: int) -> bytes:
    """Return an ONNX graph whose latents are the newest bin's counts."""
    newest = {"begin": n_bins - 1, "end": n_bins, "axis": 1}
    constants = [numpy_helper.from_array(np.array([value]), name) for name, value in newest.items()]
    nodes = [
        helper.make_node("Slice", [INPUT_NAME, *newest], ["newest"]),
        helper.make_node("Flatten", ["newest"], [OUTPUT_NAME], axis=1),
    ]
    return encoder_file(nodes, constants, (n_bins, n_channels), n_channels)

"""The encoder: windows of counts into latents, by the ONNX graph or spike by spike."""

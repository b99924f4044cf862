"""The NER encoder: loss, sampling, networks, ensemble, distillation and export."""

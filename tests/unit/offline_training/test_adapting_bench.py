"""The measurement of recalibration beside a decoder: the use that it learns from."""

import numpy as np
import pytest

pytest.importorskip("resource", reason="needs Linux or macOS")

from offline_training.bench.adapting.measurement import made_up_use


def test_the_use_has_the_channels_and_reaches_asked_for() -> None:
    block = made_up_use(("a", "b", "c"), 10)
    assert block.channel_ids == ("a", "b", "c")
    assert block.n_reaches == 10
    assert np.hypot(*block.decoded_cm_s.T).max() > 10.0
    assert np.isnan(block.hand_cm_s).all(), "a decoder moved the cursor"

"""Pictures are small, and bundles have no table of faults: drawing and scoring in full is slow.

The small bundle, which other modules share, has both in full.
"""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _in_brief(small_bundle_folder: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("offline_training.figures.report._DPI", 20)
        patch.setattr("rt_ner.offline.held_out.proof.corruption_table", lambda *_: None)
        yield

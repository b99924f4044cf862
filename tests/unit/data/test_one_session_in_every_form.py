"""The same spikes, movement and trials, whatever file they come from."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from rt_ner.data.session.session import Session
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset, build_dataset
from tests.helpers import one_session as one

MS, TRIAL_NS = 1_000_000, 1_000_000_000
SHAPE = WindowShape(hop_ns=10 * MS, bin_ns=30 * MS, history_bins=20)
HALF_A_SAMPLE_NS = MS // 2
# In half a sample, the velocity changes by so much at most, in cm/s.
HALF_A_SAMPLE_CM_S = 0.07


class Form(NamedTuple):
    """A way to store the session, the package that reads it, and the precision kept."""

    stored: Callable[[Path], Session]
    package: str
    cm_s: float = 0.0
    ns: int = 0


FORMS = {
    "own .npz": Form(one.own_npz, "numpy"),
    ".mat of version 5": Form(one.mat_5, "pymatreader"),
    ".mat of version 7.3": Form(one.mat_73, "pymatreader"),
    "HDF5": Form(one.plain_hdf5, "h5py"),
    "TrialData": Form(one.trial_data({}), "pymatreader"),
    "TrialData, older names": Form(one.trial_data(one.OLD_NAMES), "pymatreader"),
    "NWB, units": Form(one.nwb_units, "pynwb"),
    "NWB, counts": Form(one.nwb_counts, "pynwb", 1e-13),
    "NWB, observed areas": Form(one.nwb_areas, "pynwb"),
    "NWB, our own": Form(one.own_nwb, "pynwb"),
    "pynapple": Form(one.through_pynapple, "pynapple"),
    "XDF": Form(one.recorded(), "pyxdf"),
    "XDF, 1000 ppm slow": Form(one.recorded(1000), "pyxdf"),
    "XDF, 1000 ppm fast": Form(one.recorded(-1000), "pyxdf"),
    "XDF, 100 ppm slow, jitter": Form(one.recorded(100, 0.5), "pyxdf"),
    # Its samples stand on a grid, to whose phase the session's zero is moved.
    "XDF, jitter": Form(one.recorded(0, 0.5), "pyxdf", HALF_A_SAMPLE_CM_S, HALF_A_SAMPLE_NS),
    "Blackrock": Form(one.blackrock, "neo", one.ANALOG_STEP / 2),
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The session of plain arrays, read by a recipe."""
    return one.npz(tmp_path_factory.mktemp("reference"))


def after_first_trial(session: Session, until_ns: int) -> Dataset:
    """All that training takes after the first trial, whose history some forms lack."""
    dataset = build_dataset(session, SHAPE)
    end_ns = dataset.labels.end_ns
    return dataset.where((end_ns > TRIAL_NS) & (end_ns <= until_ns))


def test_the_reference_is_the_truth(reference: Session) -> None:
    np.testing.assert_array_equal(one.spike_counts(reference), one.counts())
    np.testing.assert_array_equal(reference.behaviour.values, one.velocity())
    np.testing.assert_array_equal(reference.behaviour.time_ns, np.rint(one.MOVED_S * 1e9))
    np.testing.assert_array_equal(reference.trials.go_ns, np.rint(one.GO_S * 1e9))
    np.testing.assert_array_equal(reference.trials.direction_deg, one.DIRECTION_DEG)


@pytest.mark.parametrize("name", FORMS)
def test_what_training_takes_is_the_same(name: str, reference: Session, tmp_path: Path) -> None:
    form = FORMS[name]
    pytest.importorskip(form.package)
    session = form.stored(tmp_path)
    # Blackrock's files tell neither trials nor the end of the recording after its last spike.
    until_ns = min(session.end_ns, reference.end_ns)
    assert until_ns == reference.end_ns or (name == "Blackrock" and until_ns > 11_900 * MS)
    expected, found = (after_first_trial(each, until_ns) for each in (reference, session))
    np.testing.assert_array_equal(found.labels.end_ns, expected.labels.end_ns)
    np.testing.assert_array_equal(found.windows, expected.windows)
    moved = found.labels.values, expected.labels.values
    np.testing.assert_allclose(*moved, rtol=0, atol=form.cm_s)
    assert form.cm_s or moved[0].tobytes() == moved[1].tobytes()
    if name == "Blackrock":
        assert session.trials.are_blocks
        return
    for times in ("start_ns", "go_ns", "end_ns"):
        kept, was = getattr(session.trials, times), getattr(reference.trials, times)
        np.testing.assert_allclose(kept, was, rtol=0, atol=form.ns)
    np.testing.assert_array_equal(found.labels.trial, expected.labels.trial)
    np.testing.assert_allclose(found.labels.direction_deg, expected.labels.direction_deg, atol=1e-9)

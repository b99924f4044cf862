"""A replay sends each area as a source of its own, from one clock."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from drivers.replay.packets import SplitPackets
from drivers.replay.replay import Part, Replay
from drivers.source import opened
from rt_ner.core.contract.kinds import Kind, SpikeForm
from rt_ner.data.session.joined.areas import join_areas
from rt_ner.data.session.session import Session
from rt_ner.lsl.streams import electrodes_of
from tests.helpers.rig import MS, inlet, pulled
from tests.helpers.waiting import LONGEST_S

N_SECONDS = 2


@pytest.mark.parametrize("form", [SpikeForm.RASTER, SpikeForm.EVENTS])
def test_each_area_is_a_source(small_session: Session, source_id: str, form: SpikeForm) -> None:
    areas = [replace(small_session, area=area) for area in ("M1", "PMd")]
    joined = join_areas(areas)
    part = Part(0, N_SECONDS * 1000 * MS, speed=20.0)
    replay = Replay(joined, SplitPackets(joined, areas, form), source_id, part)
    with opened(replay):
        inlets = [inlet(f"{source_id}-{area.area}", form.kind) for area in areas]
        kinematics = inlet(source_id, Kind.KINEMATICS)
        replay.wait_for_listeners([form.kind], threading.Event())
        replay.run(threading.Event())
        sent = expected_of(small_session, form)
        rows = [pulled(each, len(sent))[0] for each in inlets]
        for values in rows:
            np.testing.assert_array_equal(values, sent)
        labels = [labels_of(each.info(LONGEST_S), form) for each in inlets]
        assert labels == [list(small_session.channel_ids)] * 2
        assert kinematics.pull_sample(LONGEST_S)[1] is not None


def expected_of(session: Session, form: SpikeForm) -> np.ndarray:
    end_ns = N_SECONDS * 1000 * MS
    if form is SpikeForm.RASTER:
        return np.concatenate([chunk.counts for chunk in session.spikes.raster(0, end_ns)])
    chunks = list(session.spikes.events(0, end_ns))
    columns = [
        np.concatenate([getattr(each, name) for each in chunks]) for name in ("channel", "unit")
    ]
    return np.stack(columns, axis=1)


def labels_of(info: object, form: SpikeForm) -> list[str]:
    return electrodes_of(info) if form is SpikeForm.EVENTS else info.get_channel_labels()

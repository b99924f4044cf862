"""An NWB file with an extension that this interpreter has never heard of."""

import subprocess
import sys
from pathlib import Path

import pytest

from rt_ner.data.loading import load_recording

pytest.importorskip("pynwb")

WRITE = """
import os, sys
from datetime import UTC, datetime
import numpy as np
import pynwb
from pynwb.spec import NWBAttributeSpec, NWBGroupSpec, NWBNamespaceBuilder

os.chdir(sys.argv[1])
builder = NWBNamespaceBuilder("of a lab", "ndx-lab", version="0.1.0", author="a", contact="b")
builder.include_type("NWBDataInterface", namespace="core")
level = NWBAttributeSpec("level", "a number", "float")
thing = NWBGroupSpec(
    neurodata_type_def="LabThing", neurodata_type_inc="NWBDataInterface", doc="a thing",
    attributes=[level],
)
builder.add_spec("ndx-lab.extensions.yaml", thing)
builder.export("ndx-lab.namespace.yaml")
pynwb.load_namespaces("ndx-lab.namespace.yaml")
nwb = pynwb.NWBFile("x", "x", datetime(2020, 1, 1, tzinfo=UTC))
group = nwb.create_electrode_group("M1", "M1", "M1", nwb.create_device("array"))
nwb.add_electrode(location="M1", group=group)
nwb.add_unit(spike_times=[0.1, 0.2, 1.5], electrodes=[0])
behavior = nwb.create_processing_module("behavior", "movement")
behavior.add(pynwb.get_class("LabThing", "ndx-lab")(name="thing", level=1.0))
behavior.add(pynwb.TimeSeries(name="hand_vel", data=np.ones((300, 2)), unit="cm/s", rate=100.0))
with pynwb.NWBHDF5IO("lab.nwb", "w") as file:
    file.write(nwb)
"""


def test_a_file_with_an_extension_is_read(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITE, str(tmp_path)], check=True, capture_output=True)
    recording = load_recording(tmp_path / "lab.nwb")
    assert recording.spikes is not None
    assert recording.spikes.n_spikes == 3
    assert recording.behaviour is not None

"""Do in each frame what LSL4Unity does in Update(): python unity_client.py rt-ner@rig1-velocity."""

import sys
import time

import numpy as np
from pylsl import ContinuousResolver, StreamInlet

FRAME_S = 1 / 60
resolver = ContinuousResolver("name", sys.argv[1])  # LSL4Unity's StreamName
while not (found := resolver.results()):
    print(f"no stream '{sys.argv[1]}': start rt-ner decode, or check the name", flush=True)
    time.sleep(1)
inlet, hop_s = StreamInlet(found[0]), 1 / found[0].nominal_srate()
buffer, position = np.zeros((20, 2), np.float32), np.zeros(2)
while True:
    n_new = len(buffer)
    while n_new == len(buffer):  # after a late frame, skip the past: only the last part moves
        n_new = len(inlet.pull_chunk(0.0, len(buffer), buffer)[1])
    for sample in buffer[:n_new]:  # LSL4Unity calls Process() with each
        position += sample * hop_s
    print(*position, flush=True)  # transform.position
    time.sleep(FRAME_S)

"""Measure the latency of serial_line.py: measure_serial_line.py rt-ner@rig1/velocity STEPS.

From the moment when the decoder has sent a step's velocity until the byte is written to a line,
for which a pseudo-terminal stands in.
"""

import os
import pty
import sys
from itertools import islice

import numpy as np
from pylsl import StreamInlet, local_clock, resolve_byprop
from serial_line import write_steps

PUSHED = 5  # the column of the timing stream
name, n_steps = sys.argv[1], int(sys.argv[2])
near, far = pty.openpty()
(info,) = resolve_byprop("source_id", name.replace("/velocity", "/timing"))
timing, written_s = StreamInlet(info), {}
timing.open_stream()
for stamp_s in islice(write_steps(name, os.ttyname(far)), n_steps):
    written_s[round(stamp_s, 3)] = local_clock()
    os.read(near, 1)
rows, stamps_s = timing.pull_chunk(1.0, 2 * n_steps)
sent_s = {round(stamp_s, 3): row[PUSHED] for stamp_s, row in zip(stamps_s, rows, strict=True)}
us = 1e6 * np.array([written_s[step] - sent_s[step] for step in written_s.keys() & sent_s.keys()])
print(f"{len(us)} steps:", *(f"p{p} {np.percentile(us, p):.0f} µs" for p in (50, 99, 99.9)))

"""Run a centre-out task in PsychoPy: python psychopy_task.py rt-ner@rig1/velocity TRIALS."""

import random
import sys
from math import cos, dist, radians, sin

from psychopy import core, event, visual
from pylsl import StreamInfo, StreamOutlet
from velocity import Velocity

velocity = Velocity(sys.argv[1])
markers = StreamOutlet(StreamInfo("task", "Markers", 1, 0, "string", "psychopy/markers"))
window = visual.Window(fullscr=True, units="cm", monitor="testMonitor")
target = visual.Circle(window, radius=1.5, fillColor="green", autoDraw=True)
cursor = visual.Circle(window, radius=0.5, fillColor="white", autoDraw=True)
for trial in range(int(sys.argv[2])):
    degrees = 45 * random.randrange(8)
    target.pos, cursor.pos = (8 * cos(radians(degrees)), 8 * sin(radians(degrees))), (0, 0)
    markers.push_sample([f"trial_start {trial}"])
    markers.push_sample([f"go {trial} direction_deg={degrees}"])
    reach, hold = core.Clock(), core.Clock()
    while reach.getTime() < 5 and hold.getTime() < 0.5:
        for (vx, vy), _ in velocity.pull():
            cursor.pos += (vx * velocity.hop_s, vy * velocity.hop_s)
        if dist(cursor.pos, target.pos) > target.radius:
            hold.reset()
        if event.getKeys(["escape"]):
            core.quit()
        window.flip()
    markers.push_sample([f"trial_end {trial}"])

"""Exchange lines with BCI2000 by UDP: python bci2000.py rt-ner@rig1/velocity 20320 20321."""

import socket
import sys

from pylsl import StreamInfo, StreamOutlet
from velocity import Velocity

TO, FROM = [("127.0.0.1", int(port)) for port in sys.argv[2:]]  # BCI2000's input and output
states = {"TargetCode": "0", "Feedback": "0", "ResultCode": "0"}  # each change is a marker
markers = StreamOutlet(StreamInfo("BCI2000", "Markers", 1, 0, "string", "bci2000/markers"))
velocity = Velocity(sys.argv[1])
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.bind(FROM)
udp.setblocking(False)
try:
    while True:
        for (vx, vy), _ in velocity.pull(wait_s=0.005):
            udp.sendto(f"Signal(0,0) {vx:g}\r\nSignal(1,0) {vy:g}\r\n".encode(), TO)
        try:
            while True:
                for line in udp.recv(65536).decode().splitlines():
                    name, _, value = line.partition(" ")
                    if states.get(name, value) != value:
                        states[name] = value
                        markers.push_sample([f"{name} {value}"])
        except OSError:
            continue  # all is read (on Windows also: BCI2000 does not listen yet)
finally:
    udp.sendto(b"Signal(0,0) 0\r\nSignal(1,0) 0\r\n", TO)

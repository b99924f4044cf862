"""Write a byte per decoded step to a line: python serial_line.py rt-ner@rig1/velocity COM3."""

import sys

from serial import Serial
from velocity import Velocity


def write_steps(source_id: str, port: str):
    """Write 1 to 255 in turn, or 0 while the velocity is zero; yield the stamp of each step."""
    velocity, number = Velocity(source_id), 0
    with Serial(port, 115200) as line:
        try:
            while True:
                for sample, stamp_s in velocity.pull(wait_s=0.1):
                    number = number % 255 + 1 if any(sample) else 0
                    line.write(bytes([number]))
                    yield stamp_s
        finally:
            line.write(bytes([0]))


if __name__ == "__main__":
    try:
        for _ in write_steps(*sys.argv[1:]):
            pass
    except OSError as error:
        sys.exit(f"the line does not answer: {error}; check its cable and name, and start again")

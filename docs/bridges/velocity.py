"""Read the decoded velocity as the bridges in this folder do; copy this file along with yours."""

from pylsl import StreamInlet, local_clock, resolve_byprop

SILENT_S = 0.1  # the longest time that is caught up with, or that passes without a sample


class Velocity:
    """The velocity stream of this source_id; after a restart of the decoder it is found again."""

    def __init__(self, source_id: str) -> None:
        while not (found := resolve_byprop("source_id", source_id, timeout=2.0)):
            print(f"no stream '{source_id}': start rt-ner decode, or check the name", flush=True)
        self._inlet = StreamInlet(found[0], max_buflen=1)
        self.hop_s = 1.0 / found[0].nominal_srate()  # the decoder must not say irregular = true
        self._came_s, self._is_silent = local_clock(), False

    def pull(self, wait_s: float = 0.0):
        """Yield each new (vx, vy), to be applied for hop_s, and its stamp; zero if none comes."""
        came = [self._inlet.pull_sample(wait_s)]
        while came[-1][0]:
            came.append(self._inlet.pull_sample(0.0))
            self._came_s = local_clock()
        yield from came[-1 - round(SILENT_S / self.hop_s) : -1]
        was_silent, self._is_silent = self._is_silent, local_clock() - self._came_s > SILENT_S
        if self._is_silent != was_silent:
            print("no velocity comes: zero" if self._is_silent else "velocity comes", flush=True)
        if self._is_silent:
            yield [0.0, 0.0], local_clock()

"""Run a decoder in a process of its own, with an observer and with sources that come and go."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rt_ner.bench.observer import Observer
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.system.processes import ChildProcess, child_process

_END_S = 15.0
_CONFIG = """[input]
by_order = true
grace_ms = {grace_ms}
"""


class Rig:
    """A decoder that listens for the spikes of ``source``, and its observer."""

    def __init__(self, folder: Path, n_channels: int) -> None:
        tag = uuid.uuid4().hex[:8]
        self.folder = folder
        self.source = f"bench-source-{tag}"
        self.decoder_name = f"bench-decoder-{tag}"
        self.log = folder / "log.jsonl"
        self.n_channels = n_channels
        self.decoder: ChildProcess
        self.observer: Observer

    @contextmanager
    def noise(self, form: str = "raster", *arguments: str) -> Iterator[ChildProcess]:
        """Run a source of random spikes with the bundle's number of channels."""
        sizes = ["--channels", str(self.n_channels), "--form", form, "--name", self.source]
        with child_process(["noise", *sizes, *arguments], self.folder) as source:
            yield source

    def logged(self) -> dict[str, float]:
        """Return the newest line of the decoder's JSON log."""
        newest: dict[str, float] = json.loads(self.log.read_text(encoding="utf-8").splitlines()[-1])
        return newest

    def finish(self) -> None:
        """End the decoder as Ctrl-C does; raise RtNerError if it fails."""
        self.decoder.interrupt()
        self.decoder.finish(_END_S)


@contextmanager
def open_rig(
    bundle: Path,
    n_channels: int,
    folder: Path,
    kind: Kind = Kind.SPIKES,
    grace_ms: float = 5.0,
    on_velocity: Callable[[float, list[float]], None] = lambda *_: None,
) -> Iterator[Rig]:
    """Run a decoder with its observer until the end of the block."""
    rig = Rig(folder, n_channels)
    config = folder / "bench.toml"
    config.write_text(_CONFIG.format(grace_ms=grace_ms))
    arguments = ["decode", str(bundle), "--source", source_id_of(rig.source, kind)]
    arguments += ["--name", rig.decoder_name, "--json-log", str(rig.log), "--config", str(config)]
    with child_process(arguments, folder) as rig.decoder:
        rig.observer = Observer(rig.decoder_name, rig.decoder, on_velocity)
        try:
            yield rig
        finally:
            rig.observer.close()


def counted_by(source: ChildProcess) -> dict[str, int]:
    """Return what a noise source sent, as it reports at its end."""
    return source.events("sent")[-1]

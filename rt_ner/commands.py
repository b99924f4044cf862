"""The runtime's commands: decode and inspect."""

import json
import queue
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from rt_ner.bundle import Bundle, load_bundle
from rt_ner.config import DecodeSettings, checked_settings, load_settings
from rt_ner.process import stop_on_signals

if TYPE_CHECKING:
    from rt_ner.loop import LoopTotals

BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a trained bundle.")]
ConfigPath = Annotated[
    Path | None, typer.Option("--config", help="TOML file with settings; see configs/.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout, nothing else.")
]
NoView = Annotated[
    bool,
    typer.Option("--no-view", help="No live window (there is none yet; accepted for scripts)."),
]


def decode(
    bundle: BundlePath,
    source: Annotated[
        str | None,
        typer.Option(help="Decode the spike stream with this source_id. Default: the only one."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Announce the decoder's streams under this name.")
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(help="Give up if no spike stream appears within so many seconds."),
    ] = None,
    config: ConfigPath = None,
    no_view: NoView = False,  # noqa: ARG001 - the window comes later, scripts may say it already
) -> None:
    """Decode cursor velocity live, until Ctrl-C.

    Reads a spike stream and publishes velocity (cm/s), latents, stage timing and state over LSL.
    Velocity is zero in every state but RUNNING: while the history fills, when data stop, and
    after a non-finite result.
    """
    from rt_ner.streams import quiet_liblsl

    quiet_liblsl()
    settings = _overridden(load_settings(config, DecodeSettings), source, name, wait)
    loaded = load_bundle(bundle)
    console = Console(stderr=True, highlight=False, markup=False)
    with stop_on_signals() as stop:
        totals = _decode_until(stop, loaded, settings, console)
    console.print(
        f"decoded {totals.n_running} bins; samples late {totals.n_late}, missing "
        f"{totals.n_missing}; deadlines missed {totals.n_missed}; non-finite "
        f"{totals.n_nonfinite}; connections {totals.n_connections}"
    )
    if totals.n_running:
        p50, p99, largest = np.percentile(totals.step_us(), [50, 99, 100])
        console.print(f"step µs: p50 {p50:.0f}, p99 {p99:.0f}, max {largest:.0f}")


def inspect(bundle: BundlePath, as_json: AsJson = False) -> None:
    """Check a bundle and show what is inside."""
    loaded = load_bundle(bundle)
    if as_json:
        json.dump(loaded.manifest.model_dump(mode="json"), sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    Console(highlight=False, markup=False).print(_manifest_table(loaded, bundle))


def _decode_until(
    stop: threading.Event, bundle: Bundle, settings: DecodeSettings, console: Console
) -> "LoopTotals":
    """Run the loop, saying each change of state. Its streams close when this returns."""
    from rt_ner.loop import Loop

    # Told by the loop, printed by another thread: a blocked terminal must not block the loop.
    states: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    printer = threading.Thread(target=_print_states, args=(states, console), daemon=True)
    printer.start()
    loop = Loop(bundle.model, settings, stop, states.put)
    try:
        loop.run()
    finally:
        states.put(None)
        printer.join()
    return loop.totals


def _overridden(
    settings: DecodeSettings, source: str | None, name: str | None, wait_s: float | None
) -> DecodeSettings:
    """Settings with what the command line says put over what the file says."""
    content = settings.model_dump()
    said = (("input", "source_id", source), ("output", "source", name), ("input", "wait_s", wait_s))
    for section, key, value in said:
        if value is not None:
            content[section][key] = value
    return checked_settings(content, DecodeSettings, "command line")


def _print_states(states: "queue.SimpleQueue[str | None]", console: Console) -> None:
    started_s = time.monotonic()
    while (state := states.get()) is not None:
        console.print(f"{time.monotonic() - started_s:8.1f} s  {state}")


def _manifest_table(bundle: Bundle, folder: Path) -> Table:
    manifest = bundle.manifest
    window, training, scores = manifest.window, manifest.training, manifest.scores
    table = Table(title=f"Bundle {folder}", show_header=False, title_justify="left")
    rows = {
        "channels": f"{len(manifest.channel_ids)}: {manifest.channel_ids[0]} … "
        f"{manifest.channel_ids[-1]}",
        "window": f"{window.history_bins} bins of {window.bin_ns / 1e6:g} ms, "
        f"every {window.hop_ns / 1e6:g} ms",
        "latent dimensions": str(manifest.latent_dim),
        "trained on": f"{training.session} ({training.area}), {training.n_train_trials} trials; "
        f"{training.n_test_trials} held out",
        "held-out velocity R²": f"{scores.velocity_r2:.3f}",
        "held-out position R²": f"{scores.position_r2:.3f}",
        "control, shuffled trials": f"{scores.shuffled_velocity_r2:.3f}",
        "on training trials": f"{scores.train_velocity_r2:.3f}",
        "session sha256": training.session_sha256,
        "made with": ", ".join(f"{name} {value}" for name, value in manifest.versions.items()),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table

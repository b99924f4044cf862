"""Tables of a demo's results for the terminal."""

from rich.table import Table

from offline_training.demo.pipeline import DemoResult
from rt_ner.core.contract.outputs import kind_of

_STAGE_MEANING = {
    "arrival": "source pushes the bin's last sample → decoder receives it",
    "binning": "→ bin closed",
    "embedding": "→ latent",
    "readout": "→ velocity",
    "pushing": "→ sent",
    "delivery": "→ received by another process",
    "step": "bin closed → velocity ready",
    "end_to_end": "last spike pushed → velocity received",
}


def demo_tables(result: DemoResult) -> tuple[Table, Table]:
    """Return the tables of scores and of latencies per stage."""
    scores = result.trained.bundle.manifest.scores
    live = result.live
    table = Table(
        title=f"{result.session.name} {result.session.area}: held-out trials",
        title_justify="left",
    )
    table.add_column("")
    table.add_column("offline", justify="right")
    table.add_column("live", justify="right")
    comparison = live.comparison
    kind, path_r2 = kind_of(comparison.labels.outputs), comparison.path_r2()
    table.add_row(f"{kind} R²", f"{scores.r2:.3f}", f"{comparison.r2():.3f}")
    if scores.path_r2 is not None and path_r2 is not None:
        table.add_row("position R²", f"{scores.path_r2:.3f}", f"{path_r2:.3f}")
    table.add_row("control: shuffled training labels", f"{scores.shuffled_r2:.3f}", "")
    identical = "yes, bit for bit" if live.identical_to_offline else "NO"
    table.add_row("live equals offline", "", identical)
    table.add_row("bins decoded", "", str(live.n_bins))
    table.add_row("dropped", "", str(live.n_dropped))
    table.add_row("missed deadlines", "", str(live.n_missed))
    table.add_row("training, with control", f"{result.trained.train_s:.1f} s", "")
    latency = Table(title="Latency (µs)", title_justify="left")
    for column in ("stage", "p50", "p99", "max"):
        latency.add_column(column, justify="left" if column == "stage" else "right")
    for stage, meaning in _STAGE_MEANING.items():
        values = live.latency_us[stage]
        figures = [f"{values[name]:.0f}" for name in ("p50", "p99", "max")]
        latency.add_row(f"{stage.replace('_', ' ')}: {meaning}", *figures)
    return table, latency

"""Command that sums up the R² that bundles keep under faults of the input."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rt_ner.bench.show import show
from rt_ner.bundle.entries.corruption_entry import CorruptionTable
from rt_ner.bundle.manifest import Manifest
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.errors import BundleError
from rt_ner.terminal.options import AsJson

app = typer.Typer()


@app.command()
def faults(
    bundles: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUNDLE...",
            help="Folders of trained bundles, e.g. of different sessions and seeds; two or more "
            "give an interval.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Sum up the R² that bundles keep under faults.

    Reads the scores that training measured on held-out trials: with dead and swapped channels and
    banks, gain, common noise, lost packets, 60 Hz. Divides the R² with each fault by the R² without
    one. Shows only the faults that all bundles have measured.

    Example: rt-ner bench faults day1-bundle day2-bundle
    """
    from rt_ner.bench.faults.summary import kept_under_faults

    manifests = [load_bundle(folder).manifest for folder in bundles]
    tables = [_table(*pair) for pair in zip(bundles, manifests, strict=True)]
    kept = kept_under_faults(tables)
    summary = {
        "bundles": [
            _origin(manifest, table) for manifest, table in zip(manifests, tables, strict=True)
        ],
        "kept": [asdict(each) for each in kept],
    }
    rows = {f"{each.fault}, {each.fault.in_words(each.severity)}": str(each) for each in kept}
    show("R² with each fault, divided by R² without (95 % interval)", summary, rows, as_json)


def _table(folder: Path, manifest: Manifest) -> CorruptionTable:
    table = manifest.corruption
    if table is None or table.r2 <= 0:
        found = (
            "no R² under faults (it is adapted, of spike-band power, or of an older version)"
            if table is None
            else f"R² {table.r2:g} without a fault, of which nothing can be kept"
        )
        raise BundleError(f"{folder} has {found}: leave it out, or train a bundle again")
    return table


def _origin(manifest: Manifest, table: CorruptionTable) -> dict[str, object]:
    """Return the session and seed of a bundle, and its R² without a fault."""
    training = manifest.training
    seed = training.settings.get("seed")
    return {"session": training.session, "area": training.area, "seed": seed, "r2": table.r2}

"""Command that sums up what bundles keep under faults of the input."""

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
            help="Folder of a trained bundle; several for an interval, e.g. of other sessions and "
            "seeds.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Sum up the R² that bundles keep under faults.

    Reads what was measured on held-out trials in training: dead and swapped channels and banks,
    gain, common noise, lost packets, 60 Hz. The part kept is the R² with the fault, divided by the
    R² without.
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
    show("part of the R² that is kept", summary, rows, as_json)


def _table(folder: Path, manifest: Manifest) -> CorruptionTable:
    table = manifest.corruption
    if table is None or table.r2 <= 0:
        found = "no R² under faults" if table is None else f"R² {table.r2:g} without a fault"
        raise BundleError(f"{folder} has {found}, nothing to compare with: train it again")
    return table


def _origin(manifest: Manifest, table: CorruptionTable) -> dict[str, object]:
    """Return where a bundle comes from, and its R² without a fault."""
    training = manifest.training
    seed = training.settings.get("seed")
    return {"session": training.session, "area": training.area, "seed": seed, "r2": table.r2}

"""Show the days of a joint bundle, as a table or as JSON."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.joint.joint_bundle import load_days
from rt_ner.bundle.joint.joint_manifest import JointManifest, read_joint
from rt_ner.bundle.tables.manifest_table import manifest_json
from rt_ner.core.contract.outputs import kind_of
from rt_ner.terminal.options import print_json

_LEARNED = {False: "head, trunk", True: "head"}


def show_joint(folder: Path, as_json: bool) -> None:
    """Verify every day of a joint bundle, and print them as a table or as one JSON object."""
    joint, days = read_joint(folder), load_days(folder)
    if as_json:
        print_json(_json(joint, days))
    else:
        Console(highlight=False, markup=False).print(_table(joint, days, folder))


def _table(joint: JointManifest, days: Mapping[str, Bundle], folder: Path) -> Table:
    """Return a row per day."""
    first = next(iter(days.values())).manifest
    of = kind_of(first.decoded_outputs)
    table = Table(
        title=f"Joint bundle {folder}: one trunk, "
        f"{'one readout' if joint.readout == 'shared' else 'a readout per day'}; R² on held-out "
        "trials, control trained on shuffled ones",
        title_justify="left",
    )
    for title in ("day", "channels", "learned", f"{of} R²", "control"):
        table.add_column(title)
    for entry in joint.days:
        bundle = days[entry.name]
        scores = (f"{bundle.scores.r2:.3f}", f"{bundle.scores.shuffled_r2:.3f}")
        n_channels = str(len(bundle.manifest.channel_ids))
        table.add_row(entry.name, n_channels, _LEARNED[entry.is_added], *scores)
    return table


def _json(joint: JointManifest, days: Mapping[str, Bundle]) -> dict[str, object]:
    """Return the manifest of a joint bundle as JSON values, with those of its days."""
    manifests = {
        name: {**manifest_json(bundle.manifest), "fingerprint": bundle.model.fingerprint}
        for name, bundle in days.items()
    }
    return {**joint.model_dump(mode="json"), "manifests": manifests}

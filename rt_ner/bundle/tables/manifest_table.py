"""Show a bundle's manifest as a table, or as JSON."""

from pathlib import Path

from rich.table import Table

from rt_ner.bundle.entries.corruption_entry import fault_rows
from rt_ner.bundle.manifest import Manifest, TrainingEntry
from rt_ner.core.contract.outputs import kind_of
from rt_ner.decoding.binning.voltage.settings import CROSSINGS


def manifest_table(manifest: Manifest, folder: Path) -> Table:
    """Return a bundle's manifest as a table for the terminal."""
    table = Table(title=f"Bundle {folder}", show_header=False, title_justify="left")
    for name, value in manifest_rows(manifest).items():
        table.add_row(name, value)
    return table


def manifest_json(manifest: Manifest) -> dict[str, object]:
    """Return a manifest as JSON values; the paces of its running normalisation also in seconds."""
    content = manifest.model_dump(mode="json")
    if manifest.normalisation:
        pace_s = manifest.normalisation.pace_s(manifest.window.hop_ns)
        content["normalisation"] = pace_s | content["normalisation"]
    return content


def manifest_rows(manifest: Manifest) -> dict[str, str]:
    """Return the rows of a table on a manifest, by name."""
    window, training, scores = manifest.window, manifest.training, manifest.scores
    rows = {
        "channels": f"{len(manifest.channel_ids)}: {manifest.channel_ids[0]} … "
        f"{manifest.channel_ids[-1]}",
        "window": f"{window.history_bins} bins of {window.bin_ns / 1e6:g} ms, "
        f"every {window.hop_ns / 1e6:g} ms",
        "made of voltage": "" if manifest.voltage == CROSSINGS else str(manifest.voltage),
        "running normalisation": _normalisation(manifest),
        "latent dimensions": str(manifest.latent_dim),
        "trained on": f"{training.session} ({training.area}), {training.n_train_trials} trials; "
        f"{training.n_test_trials} held out",
        "trunk trained with": ", ".join(other.session for other in training.joint_with),
        "readout": _readout_origin(training),
        "decodes": ", ".join(
            f"{output.name} ({output.unit})" for output in manifest.decoded_outputs
        ),
        f"held-out {kind_of(manifest.decoded_outputs)} R²": f"{scores.r2:.3f}",
        **({} if scores.path_r2 is None else {"held-out position R²": f"{scores.path_r2:.3f}"}),
        "control, shuffled trials": f"{scores.shuffled_r2:.3f}",
        "on training trials": f"{scores.train_r2:.3f}",
        **_class_rows(manifest),
        "how the subject reaches": str(manifest.reaching or ""),
        **fault_rows(manifest.corruption),
        "session sha256": training.session_sha256,
        "made with": ", ".join(f"{name} {value}" for name, value in manifest.versions.items()),
    }
    return {name: value for name, value in rows.items() if value}


def _readout_origin(training: TrainingEntry) -> str:
    origin = training.carried_from
    if origin is None:
        return "of the same trials"
    trials = origin.n_calibration_trials
    return f"of {origin.session}; the encoder aligned with {trials or 'no'} labelled trials"


def _normalisation(manifest: Manifest) -> str:
    """Return the time constants of a bundle's running normalisation; empty without one."""
    if manifest.normalisation is None:
        return ""
    pace_s = manifest.normalisation.pace_s(manifest.window.hop_ns)
    return (
        f"updated every {pace_s['update_s']:g} s, time constant {pace_s['memory_s']:g} s; "
        f"{pace_s['trusted_s']:g} s at the start and after a break"
    )


def _class_rows(manifest: Manifest) -> dict[str, str]:
    """Return the rows on a bundle's classifier; none without one."""
    if manifest.classifier is None:
        return {}
    classifies = f"{manifest.classifier.of}: {', '.join(manifest.classes)}"
    scores = manifest.scores.classes
    rows = scores.rows(manifest.classifier.of) if scores else {}
    return {"classifies": classifies} | {name: f"{score:.3f}" for name, score in rows.items()}

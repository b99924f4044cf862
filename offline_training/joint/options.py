"""Define the options of rt-ner train, and check those of a joint training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from rt_ner.bundle.joint.joint_bundle import ReadoutUse
from rt_ner.core.errors import ConfigError
from rt_ner.terminal.options import out_option

TrainedPath = Annotated[Path | None, out_option("the trained bundle")]
Joint = Annotated[
    bool,
    typer.Option(
        "--joint",
        help="Train the sessions together, whatever their channels. The bundle holds a decoder per "
        "session, under the name of its file.",
    ),
]
JointWith = Annotated[
    Path | None,
    typer.Option(
        "--joint-with",
        metavar="BUNDLE",
        help="Add the session as a day to this joint bundle, e.g. series. Learns in seconds, with "
        "the settings of the bundle.",
        show_default=False,
    ),
]
SharedReadout = Annotated[
    bool,
    typer.Option(
        "--shared-readout",
        help="With --joint, fit one readout for all sessions. Default: each has its own.",
    ),
]
JointWorkers = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="With --joint, divide the sessions among N processes of this computer, e.g. 2. The "
        "numbers are the same, up to rounding.",
    ),
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Train for a quarter of the steps, while the subject waits: R² is about 0.01 lower.",
    ),
]
Classes = Annotated[
    str,
    typer.Option(
        "--classes",
        metavar="WHAT",
        help="Classify too: the reach's direction, movement (move or idle), or a column of few "
        "whole numbers, by name, e.g. click. Default: nothing.",
    ),
]


@dataclass(frozen=True)
class JointUse:
    """The options of a joint training, as they were given."""

    joint: bool
    joint_with: Path | None = None
    shared_readout: bool = False
    workers: int = 1

    @property
    def readout(self) -> ReadoutUse:
        """The readouts of a new joint bundle."""
        return "shared" if self.shared_readout else "own"

    def folder(self, out: Path | None, has_settings: bool) -> Path:
        """Return the folder to write to; ConfigError if the options don't go together."""
        if self.shared_readout and not self.joint:
            raise ConfigError("--shared-readout goes with --joint: leave one out or add the other")
        if self.workers > 1 and not self.joint:
            raise ConfigError(
                f"--workers {self.workers} goes with --joint: leave one out or add the other"
            )
        if self.joint_with is None:
            if out is None:
                raise ConfigError(
                    "--out is missing: name the bundle's folder, e.g. --out m1-bundle"
                )
            return out
        if self.joint or out is not None:
            raise ConfigError(
                f"--joint-with {self.joint_with} adds to that bundle: leave out --joint and --out"
            )
        if has_settings:
            raise ConfigError(
                f"--joint-with {self.joint_with}: a new day has the settings of the bundle; leave "
                "out --config, --seed, --outputs, --classes and --quick"
            )
        return self.joint_with

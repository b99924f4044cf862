"""Check the trainer's packages, read its settings and pick the device for a command."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rt_ner.core.contract.names import names_in
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import checked_settings, load_settings
from rt_ner.system.plugins import check_trainer

if TYPE_CHECKING:
    import torch

    from offline_training.settings import TrainSettings


def require_training() -> None:
    """Raise RtNerError where the trainer's packages are not installed."""
    # Torch's and Numba's thread pools take turns; idle threads that spin would steal the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    check_trainer()


_QUICKER, _FEWEST_STEPS = 4, 10


def train_settings(
    config: Path | None,
    seed: int | None,
    outputs: str = "",
    classes: str = "",
    quick: bool = False,
) -> "TrainSettings":
    """Return the settings of a file, if one is named, with those of the command line.

    ``quick``: a quarter of the steps.
    """
    from offline_training.settings import TrainSettings  # noqa: PLC0415 - quick --help

    settings = load_settings(config, TrainSettings)
    given = {"seed": seed, "outputs": names_in(outputs) or None, "classes": classes or None}
    given["steps"] = max(_FEWEST_STEPS, settings.steps // _QUICKER) if quick else None
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        return settings
    return checked_settings(settings.model_dump() | changes, TrainSettings, "command line")


def pick_device(name: str) -> "torch.device":
    """Return the torch device of a name; ConfigError if this computer has none.

    ``auto`` is the GPU if there is one, else the CPU.
    """
    import torch  # noqa: PLC0415 - quick --help

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {name}: {reason}; use --device cpu") from error
    return device

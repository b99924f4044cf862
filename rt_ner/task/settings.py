"""Define the settings of a task: targets, selection, hold times and time limits."""

from enum import StrEnum

from pydantic import Field, model_validator

from rt_ner.core.settings import Settings


class Layout(StrEnum):
    """Arrangement of the targets.

    CENTRE_OUT: on a ring; each reach begins with a hold in the centre. CENTRE_OUT_BACK: on a ring,
    then back in the centre, both scored. RANDOM: anywhere in the workspace, one after the other
    (pinball). GRID: cells that fill the workspace; any of them can be selected, right or wrong.
    """

    CENTRE_OUT = "centre-out"
    CENTRE_OUT_BACK = "centre-out-back"
    RANDOM = "random"
    GRID = "grid"


class Selection(StrEnum):
    """Way to select a target: DWELL: by staying in it for its hold time. CLICK: by a click."""

    DWELL = "dwell"
    CLICK = "click"


class ClickSettings(Settings):
    """The debouncing of clicks.

    ``label`` is the class that is a click, by its name in the stream of classes. It clicks when
    its probability has been at least ``threshold`` for ``held_ms``; within ``refractory_ms`` after
    a click there is no other.
    """

    label: str = "1"
    threshold: float = Field(default=0.6, gt=0, le=1)
    held_ms: float = Field(default=80.0, ge=0)
    refractory_ms: float = Field(default=400.0, ge=0)


class TaskSettings(Settings):
    """Settings of `rt-ner task`.

    ``assist`` is the fraction of the velocity, 0 to 1, that is turned straight to the target.
    ``delay_ms`` is the range of the time for which a target is shown before the go cue, drawn
    uniformly. With 0 ``trials``, the task runs until it is stopped.
    """

    layout: Layout = Layout.CENTRE_OUT
    selection: Selection = Selection.DWELL
    trials: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0)
    n_targets: int = Field(default=8, ge=2, le=32)
    distance_cm: float = Field(default=8.0, gt=0)
    target_radius_cm: float = Field(default=1.5, gt=0)
    workspace_cm: float = Field(default=20.0, gt=0)
    grid_side: int = Field(default=6, ge=2, le=30)
    centre_hold_ms: float = Field(default=200.0, ge=0)
    delay_ms: tuple[float, float] = (0.0, 0.0)
    target_hold_ms: float = Field(default=500.0, ge=0)
    timeout_s: float = Field(default=5.0, gt=0)
    between_ms: float = Field(default=300.0, ge=0)
    assist: float = Field(default=0.0, ge=0, le=1)
    click: ClickSettings = ClickSettings()

    @property
    def is_by_click(self) -> bool:
        """True if targets are selected by a click."""
        return self.selection is Selection.CLICK

    def about(self) -> dict[str, str]:
        """Return what the target's stream tells those who draw the targets or reach to them."""
        about = {"layout": str(self.layout), "selection": str(self.selection)}
        if self.layout is Layout.GRID:
            about |= {"grid_side": str(self.grid_side), "workspace_cm": f"{self.workspace_cm:g}"}
        return about

    @property
    def n_choices(self) -> int | None:
        """Number of targets to choose from; None where they may be anywhere."""
        if self.layout is Layout.RANDOM:
            return None
        return self.grid_side**2 if self.layout is Layout.GRID else self.n_targets

    @model_validator(mode="after")
    def _fits(self) -> "TaskSettings":
        if not 0 <= self.delay_ms[0] <= self.delay_ms[1]:
            raise ValueError(
                f"delay_ms = {list(self.delay_ms)}: expected the shortest delay, then the longest"
            )
        if self.layout is not Layout.GRID and self.target_radius_cm >= self.distance_cm:
            raise ValueError(
                f"target_radius_cm = {self.target_radius_cm:g}: expected less than distance_cm = "
                f"{self.distance_cm:g}, else every reach would end where it begins"
            )
        return self

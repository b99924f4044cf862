"""Define a manifest's entry on how the subject reaches."""

from pydantic import PositiveFloat

from rt_ner.bundle.entries.strict import Strict


class ReachingEntry(Strict):
    """A model of how the subject reaches, as good control showed it.

    Attributes
    ----------
    delay_s, approach_s, max_speed_cm_s, build_up_s : float
        The parameters of a `rt_ner.recalibration.intention.reach_model.ReachModel`.
    explained : float
        The fraction of the velocity's power that it explains there, at most 1.

    """

    delay_s: PositiveFloat
    approach_s: PositiveFloat
    max_speed_cm_s: PositiveFloat
    build_up_s: PositiveFloat
    explained: float

    def __str__(self) -> str:
        return (
            f"sees the cursor {1e3 * self.delay_s:.0f} ms late, approaches in "
            f"{1e3 * self.approach_s:.0f} ms at {self.max_speed_cm_s:.0f} cm/s at most, builds up "
            f"speed in {1e3 * self.build_up_s:.0f} ms; explains {100 * self.explained:.0f} % of "
            "the velocity's power"
        )

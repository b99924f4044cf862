"""Judge the offset between the clock of a stream's computer and the local clock."""

import numpy as np

from rt_ner.doctor.checks.network import LSL_PORTS
from rt_ner.doctor.checkup import Finding, Level, StreamCheck, warnings

# One host has one clock. LSL estimates an offset to a fraction of a millisecond; the estimate is
# worse only if a computer is busy.
_SAME_CLOCK_MS, _DRIFT_MS = 10.0, 1.0
# No estimate is so far off: these are two computers of one name.
_OTHER_CLOCK_MS = 200.0


def clock_findings(check: StreamCheck, same_host: bool, before_ms: float) -> list[Finding]:
    """Return what is wrong with the offset between the clock of a stream's host and ours.

    ``before_ms`` is the offset some seconds before the one in ``check``.
    """
    name, moved_ms = f"'{check.name}'", check.offset_ms - before_ms
    if same_host:
        level = _same_clock_level(check)
        return [Finding(level, text) for text in _same_clock_problems(name, check.offset_ms)]
    if np.isnan(moved_ms):
        text = (
            f"{name} comes from host {check.host}, which does not answer with its time, so its "
            f"time stamps can't be used: open {LSL_PORTS}"
        )
        return [Finding(Level.NO_GO if check.is_spikes else Level.WARNING, text)]
    if abs(moved_ms) <= _DRIFT_MS:
        return []
    text = (
        f"{name} comes from host {check.host}, whose clock moved by {moved_ms:.4g} ms against "
        f"this computer's while the doctor listened, expected at most {_DRIFT_MS:g} ms: use a "
        "cable instead of Wi-Fi, and make sure that nothing sets a clock during a session"
    )
    return warnings([text])


def _same_clock_level(check: StreamCheck) -> Level:
    is_other = abs(check.offset_ms) > _OTHER_CLOCK_MS
    return Level.NO_GO if is_other and check.is_spikes else Level.WARNING


def _same_clock_problems(name: str, offset_ms: float) -> list[str]:
    if abs(offset_ms) <= _SAME_CLOCK_MS or np.isnan(offset_ms):
        return []
    return [
        f"{name} comes from this computer, but its clock is {offset_ms:.4g} ms off, expected at "
        f"most {_SAME_CLOCK_MS:g} ms: probably two computers have the same name; rename one"
    ]

"""Show the decoder's state, its bundle and its counts of problems, readable from afar."""

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from rt_ner.core.contract.input_counts import SHOWN_LOSSES
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.live.states import State
from rt_ner.view import style
from rt_ner.view.signals.signals import Signals

_PUSHED, _NEWEST = TIMING_LABELS.index("pushed"), TIMING_LABELS.index("newest_sample")
_HOPS = ("missed", "nonfinite", "clamped")


class Header(QWidget):
    """The line above all panels."""

    def __init__(self) -> None:
        super().__init__()
        self.lamp, self.identity, self.age, self.counts = (QLabel() for _ in range(4))
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(24)
        for label in (self.lamp, self.identity, self.age):
            row.addWidget(label)
        row.addStretch()
        row.addWidget(self.counts)
        self.lamp.setMinimumWidth(190)

    def refresh(self, signals: Signals) -> None:
        """Show the newest data."""
        state = signals.state or "NO DECODER"
        colour = style.STATES[State(state)] if state in list(State) else style.FAINT
        self.lamp.setText(f"● {state}")
        self.lamp.setStyleSheet(
            f"color: {colour}; font-size: 20pt; font-weight: bold; padding: 2px 10px;"
        )
        self.identity.setText(_identity(signals))
        self.age.setText(_age(signals))
        self.counts.setText(_counts(signals))


def _identity(signals: Signals) -> str:
    about = signals.about
    if not about:
        return signals.missing(Kind.STATE)
    origin = f"{about.get('session', '')} {about.get('area', '')}"
    return (
        f"<b>{about.get('bundle', signals.decoder_name)}</b> · {origin}<br>"
        f"held-out {about.get('decodes', '')} R² {about.get('r2', '–')}, "
        f"control {about.get('shuffled_r2', '–')}"
    )


def _age(signals: Signals) -> str:
    if not len(signals.timing):
        return ""
    newest = signals.timing.newest()[1][-1]
    gain = newest[TIMING_LABELS.index("gain")]
    if not signals.is_fresh(Kind.TIMING):
        seconds = signals.readers[Kind.TIMING].age_s()
        ago = f"{seconds:.0f} s ago" if np.isfinite(seconds) else "never"
        return f'<span style="color:{style.WARNING}">last step {ago}</span>'
    return f"data age {(newest[_PUSHED] - newest[_NEWEST]) * 1e3:.1f} ms<br>gain {gain:.2f}"


def _counts(signals: Signals) -> str:
    if not len(signals.timing):
        return ""
    newest = dict(zip(TIMING_LABELS, signals.timing.newest()[1][-1], strict=True))
    counts = {
        name: sum(int(newest[fate.name.lower()]) for fate in fates)
        for name, fates in SHOWN_LOSSES.items()
    } | {name.replace("nonfinite", "not finite"): int(newest[name]) for name in _HOPS}
    shown = [
        f'<span style="color:{style.WARNING if n else style.DIM}">{name} <b>{n}</b></span>'
        for name, n in counts.items()
    ]
    return " &nbsp; ".join(shown[:3]) + "<br>" + " &nbsp; ".join(shown[3:])

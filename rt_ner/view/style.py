"""Define the colours and sizes of all panels."""

import numpy as np

from rt_ner.live.states import State

BACKGROUND, PANEL = "#0E1216", "#151A20"
TEXT, DIM, FAINT = "#E3E8EE", "#8A96A3", "#39434E"
DECODED, TRUE = "#FFB547", "#7CC8F5"
TARGET = "#2CC79A"
WARNING = "#FF7F45"
FONT_PT = 11

# Okabe & Ito (2008), lightened for a dark background: distinct with any colour vision.
DIRECTIONS = (
    "#FF7F45", "#F5B942", "#DDD04A", "#2CC79A", "#7CC8F5", "#5AA0EA", "#B08AF0", "#EBA0CB",
)  # fmt: skip
# Stages of a step, from the arrival of the data to the push of the velocity.
STAGES = {
    "bin_closed": "#5AA0EA",
    "embedded": "#2CC79A",
    "decoded": "#DDD04A",
    "pushed": "#FF7F45",
}
STATES = {
    State.RUNNING: "#2CC79A",
    State.HOLD: "#F5B942",
    State.WARMING: "#7CC8F5",
    State.CONNECTING: "#7CC8F5",
    State.STALE: "#FF7F45",
    State.FAULT: "#FF5A5A",
    State.STOPPED: DIM,
}
SHEET = f"""
* {{ color: {TEXT}; font-size: {FONT_PT}pt; }}
QMainWindow, QDialog, QWidget {{ background: {BACKGROUND}; }}
QSplitter::handle {{ background: {BACKGROUND}; }}
QPushButton {{
    background: {PANEL}; border: 1px solid {FAINT}; border-radius: 4px; padding: 4px 10px;
}}
QPushButton:hover {{ border-color: {DIM}; }}
QPushButton:checked {{ border-color: {DECODED}; color: {DECODED}; }}
QPushButton:disabled {{ color: {FAINT}; }}
QLabel {{ background: transparent; }}
"""


def direction_colour(direction_deg: float) -> str:
    """Return the colour of the nearest of eight reach directions; plain if it is unknown."""
    if not np.isfinite(direction_deg):
        return TEXT
    return DIRECTIONS[direction_index(direction_deg)]


def direction_index(direction_deg: float) -> int:
    """Return the index of the nearest of eight directions."""
    return round(direction_deg / 45.0) % len(DIRECTIONS)

"""Define the figures' colours: distinct with any colour vision (Okabe & Ito 2008)."""

from rt_ner.live.states import State

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
YELLOW, SKY, PURPLE, OLIVE = "#E69F00", "#56B4E9", "#882255", "#999933"
GREY, FAINT, INK = "#6B7480", "#D5DAE0", "#20262D"
SERIES = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, PURPLE, OLIVE)
STATES = {
    State.CONNECTING: FAINT,
    State.WARMING: SKY,
    State.RUNNING: GREEN,
    State.HOLD: YELLOW,
    State.STALE: ORANGE,
    State.FAULT: PURPLE,
    State.STOPPED: GREY,
}


def colour_of(number: int) -> str:
    """Return the colour of a series by its number, from 0."""
    return SERIES[number % len(SERIES)]

"""Draft a recipe for a recording: its markers listed, and a guess of what each means."""

import json
from collections.abc import Mapping, Sequence

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.markers.marker import (
    NUMBERS,
    Marker,
    counts_by_source,
    in_words,
    shown,
)
from rt_ner.data.formats.common.markers.rules import masked
from rt_ner.data.formats.common.movement_words import words
from rt_ner.data.recordings import RecordingFile

_MOST_LISTED = 100
_CODE_BITS = 0xFF
# Markers of known programs by role: those of MonkeyLogic, and the states of BCI2000.
_MONKEYLOGIC = {"start": "9", "end": "18"}
_STATES = ("TargetCode", "StimulusCode")
# Words of other programs' texts, by role.
ROLE_WORDS = {
    "start": ("start", "begin", "onset"),
    "go": ("go", "cue"),
    "end": ("end", "stop", "finish"),
    "success": ("reward", "rewarded", "correct", "success", "hit"),
    "failure": ("fail", "failure", "abort", "error", "miss", "timeout", "incorrect"),
}
_NEEDED = ("start", "end")
_HINTS = """\
# In a text, {number} stands for any number, {direction} for a direction in degrees, {target} for a
# target's number; in success and failure, {target} must be the trial's own.
# direction = "target {target}"  # markers that only tell the direction
# targets = 8                    # if {target} numbers 8 targets, evenly spaced
# [markers.degrees]              # or the direction in degrees that each marker means
"""


def marker_draft(recording: RecordingFile, name: str) -> str:
    """Return a recipe (TOML) for a recording, with comments on what could not be guessed.

    ``name`` is that of the file, as the recipe names it.
    Raises SessionError if there is nothing that a recipe could say.
    """
    has_inputs = recording.provenance.get("layout") == "blackrock"
    asks_movement = recording.behaviour is None and has_inputs
    if not recording.markers and not asks_movement:
        raise SessionError(_nothing_to_say(recording))
    lines = [
        "# A draft: check every line. This file holds:",
        *(f"#   {shown(line, 1000)}" for line in recording.contents),
        "",
        f"file = {json.dumps(name)}",
        "",
        *(_marker_lines(recording.markers) if recording.markers else []),
        *(_movement_lines() if asks_movement else []),
    ]
    return "\n".join(lines)


def _nothing_to_say(recording: RecordingFile) -> str:
    """Return the reason why there is no recipe for a recording without markers."""
    if recording.spikes is None:
        return f"no spikes: {recording.missing.get('spikes', 'the file has none')}"
    held = "; ".join(recording.contents) or "nothing"
    return (
        f"no markers of a task, so a recipe has nothing to say; the file holds {held}: record the "
        "stream of the task's program too"
    )


def _marker_lines(markers: tuple[Marker, ...]) -> list[str]:
    """Return the section on markers."""
    counts = counts_by_source(markers)
    main = max(counts, key=lambda source: sum(counts[source].values()))
    alone = tuple(one for one in markers if one.source == main)
    is_enough = set(_NEEDED) <= set(_guesses(alone)) or len(counts) == 1
    used = alone if is_enough else markers
    bits = _bits(used)
    mark = "" if is_enough and len(counts) > 1 else "# "
    listed = counts_by_source(masked(one, bits) for one in markers)
    return [
        "# The markers, and how often each comes:",
        *(f"#   {shown(name)}: {in_words(each, _MOST_LISTED)}" for name, each in listed.items()),
        "[markers]",
        f"{mark}stream = {_quoted(main)}  # the only stream to use; without this line: all",
        *([f"bits = {bits}  # only these carry the code: the others never change"] if bits else []),
        *(_role_line(role, _guesses(used)) for role in ROLE_WORDS),
        _HINTS,
    ]


def _role_line(role: str, guesses: Mapping[str, str]) -> str:
    if role in guesses:
        return f"{role} = {_quoted(guesses[role])}  # a guess"
    if role in _NEEDED:
        return f'{role} = "?"  # could not be guessed'
    return f"# {role} ="


def _quoted(text: str) -> str:
    return text if text.isdecimal() else json.dumps(text, ensure_ascii=False)


def _bits(markers: Sequence[Marker]) -> int:
    """Return the bits that carry the codes, if the upper ones are the same in all; else 0."""
    codes = [int(one.text) for one in markers if one.text.isdecimal() and len(one.text) < 20]
    upper = {code & ~_CODE_BITS for code in codes}
    return _CODE_BITS if len(upper) == 1 and upper != {0} else 0


def _guesses(found: Sequence[Marker]) -> dict[str, str]:
    """Return the marker of each role that can be guessed."""
    markers = [masked(one, _bits(found)) for one in found]
    texts = {text for one in markers for text in (one.text, one.labelled)}
    if texts.issuperset(_MONKEYLOGIC.values()):
        return _MONKEYLOGIC
    for state in _STATES:
        if any(text.startswith(f"{state} ") for text in texts):
            return _of_states(state, texts)
    opened = [one._replace(text=NUMBERS.sub("{number}", one.text)) for one in markers]
    ordered = [text for each in counts_by_source(opened).values() for text in each]
    guesses: dict[str, str] = {}
    for role, known in ROLE_WORDS.items():
        fitting = (text for text in ordered if set(words(text)) & set(known))
        if (text := next(fitting, "")) and text.isprintable() and text not in guesses.values():
            guesses[role] = text
    return guesses


def _of_states(state: str, texts: set[str]) -> dict[str, str]:
    """Return the roles of BCI2000's states."""
    guesses = {"start": f"{state} {{target}}", "end": f"{state} 0"}
    if "Feedback 1" in texts:
        guesses["go"] = "Feedback 1"
    if any(text.startswith("ResultCode ") for text in texts):
        guesses["success"] = "ResultCode {target}"
    return guesses


def _movement_lines() -> list[str]:
    """Return the section on analog inputs, as comments."""
    return [
        "# No label of an analog input names a movement. If some inputs are one:",
        "# [[outputs]]",
        '# channels = ["ainp1", "ainp2"]  # labels, as above',
        "# scale = 0.01                   # cm per unit of the file, such as mV",
        '# unit = "cm"',
        '# kind = "position"              # velocity, position, force, angle, other',
        "",
    ]

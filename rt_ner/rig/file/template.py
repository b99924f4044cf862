"""Write a rig's file: all settings with their comments, changed for a kind of source."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum

from rt_ner.core.errors import ConfigError


class Template(StrEnum):
    """A kind of rig to begin with."""

    SIMULATED = "simulated"
    REPLAY = "replay"
    BLACKROCK = "blackrock"
    AMPLIFIER = "amplifier"


Values = Mapping[str, object]
VALUES: dict[Template, dict[str, object]] = {
    Template.SIMULATED: {"source.kind": "subject"},
    Template.REPLAY: {
        "source.kind": "replay",
        "source.session": "session.npz",
        "source.options": ["--held-out", "0.2"],
        "task.enabled": False,
    },
    Template.BLACKROCK: {"source.kind": "blackrock", "task.hand": "mouse"},
    Template.AMPLIFIER: {
        "source.kind": "amplifier",
        "source.source_id": "amp/spikes",
        "task.hand": "mouse",
    },
}
_SECTION = re.compile(r"\[(\w+)\]")
_SETTING = re.compile(r"(\w+) = ([^#]*?)( *)(#.*)?$")
_COMMENT_AT = 32


def rig_text(defaults: str, values: Values) -> str:
    """Return the text of a rig's file.

    Parameters
    ----------
    defaults
        Text of the file with all defaults.
    values
        New values by dotted key, such as ``source.kind``.

    Returns
    -------
    str
        The text with these values; its comments stay.

    Raises
    ------
    ConfigError
        If there is no such key.

    """
    section, lines, left = "", list[str](), dict(values)
    for line in defaults.splitlines():
        if found := _SECTION.fullmatch(line):
            section = f"{found[1]}."
        setting = _SETTING.match(line)
        if setting and (key := f"{section}{setting[1]}") in left:
            text = f"{setting[1]} = {json.dumps(left.pop(key), ensure_ascii=False)}"
            line = f"{text:<{_COMMENT_AT}}{setting[4]}" if setting[4] else text  # noqa: PLW2901
        lines.append(line)
    if left:
        raise ConfigError(f"no setting {', '.join(left)} in a rig's file")
    return "\n".join(lines) + "\n"

"""Make elements of HTML and SVG; whatever they hold is escaped when they are written."""

import re
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

Content: TypeAlias = "Element | str | None"
# Characters that no page may hold.
_FORBIDDEN = re.compile(r"[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, *content: Content, **attributes: object) -> Element:
    """Return an element with texts and elements in it.

    Parameters
    ----------
    tag
        Name of the element.
    *content
        Texts and elements; None is left out.
    **attributes
        Its attributes. An underscore stands for a hyphen, one at the end for nothing: ``class_``.

    Returns
    -------
    Element
        The element.

    """
    made = Element(tag)
    for key, value in attributes.items():
        made.set(key.rstrip("_").replace("_", "-"), clean(value))
    last: Element | None = None
    for one in content:
        if isinstance(one, str):
            if last is None:
                made.text = (made.text or "") + clean(one)
            else:
                last.tail = (last.tail or "") + clean(one)
        elif one is not None:
            made.append(one)
            last = one
    return made


def clean(value: object) -> str:
    """Return a value as text of characters that a page may hold."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return _FORBIDDEN.sub("\ufffd", text)


def written(root: Element) -> str:
    """Return an element and all in it as HTML."""
    return tostring(root, encoding="unicode", method="html")

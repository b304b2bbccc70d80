"""What docstrings and signatures of this package need to be shown as they are meant."""

from __future__ import annotations

import re

from pydantic import BaseModel
from sphinx.application import Sphinx

SECTION = re.compile(r"^(Returns|Yields)$")


def setup(app: Sphinx) -> None:
    """Be called before napoleon, which takes the first line of `Returns` as a type."""
    app.connect("autodoc-process-docstring", _returns, priority=400)
    app.connect("autodoc-process-signature", _settings)


def _settings(
    app: Sphinx, what: str, name: str, thing: object, options: object, *shown: str | None
) -> tuple[str, None] | None:
    """Show settings as they are made: their fields are in the reference of survey files."""
    del app, what, name, options, shown
    made = isinstance(thing, type) and issubclass(thing, BaseModel)
    return ("(**sections)", None) if made else None


def _returns(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    del app, name, thing, options
    if what in {"attribute", "data", "property"}:  # napoleon would take text before a colon as type
        lines[:0] = ["..", ""]
    out: list[str] = []
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        if not (SECTION.match(line) and rest and set(rest[0]) == {"-"}):
            out.append(line)
            continue
        # a field without a name or a type, and the text as its description
        out += [line, rest.pop(0), ":", *(f"    {text}".rstrip() for text in _block(rest)), ""]
    lines[:] = out


def _block(rest: list[str]) -> list[str]:
    """Take the lines of a section: until the next one begins."""
    text: list[str] = []
    while rest and not (len(rest) > 1 and rest[0].strip() and set(rest[1]) == {"-"}):
        text.append(rest.pop(0))
    while text and not text[-1].strip():
        text.pop()
    return text

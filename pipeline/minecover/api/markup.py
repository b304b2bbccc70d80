"""How results show themselves in a notebook: escaped HTML in the notebook's own colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from minecover.samples.classes import LandUseClass
from minecover.survey.document import Survey

__all__ = ["card", "survey_card"]

LEFT = ' style="text-align: left"'


def card(title: str, facts: Mapping[str, str], *parts: str) -> str:
    """Write a title, facts below it, and whatever else there is.

    Parameters
    ----------
    title, facts
        Plain text, which is escaped; facts that are empty are left out.
    *parts
        HTML.
    """
    rows = "".join(
        f"<tr><th{LEFT}>{escape(name)}</th><td{LEFT}>{escape(fact)}</td></tr>"
        for name, fact in facts.items()
        if fact
    )
    table = f'<table cellpadding="4">{rows}</table>' if rows else ""
    return f"<div><p><strong>{escape(title)}</strong></p>{table}{''.join(parts)}</div>"


def survey_card(survey: Survey, file: str) -> str:
    """Show what is mapped, from what and how; the file is folded away."""
    facts = {
        "seasons": ", ".join(survey.seasons),
        "periods": ", ".join(name for name in survey.period_names if name),
        "sources": ", ".join(survey.sources),
        "pixels": f"{survey.grid.resolution:g} m, tiles of {survey.grid.tile}",
        "model": survey.model.kind,
        "store": survey.store,
    }
    text = f"<summary>survey file</summary><pre>{escape(file)}</pre>"
    return card(
        f"Survey {survey.name}", facts, _legend(survey.classes), f"<details>{text}</details>"
    )


def _legend(classes: Sequence[LandUseClass]) -> str:
    """List classes beside their colours."""
    square = "display: inline-block; width: 0.9em; height: 0.9em; margin-right: 0.35em"
    items = "".join(
        f'<span style="margin-right: 1em; white-space: nowrap">'
        f'<span style="{square}; background: {escape(item.colour)}"></span>'
        f"{escape(item.name.replace('_', ' '))}</span>"
        for item in classes
    )
    return f"<p>{items}</p>"

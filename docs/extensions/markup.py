"""Pieces of MyST Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["confval", "fenced", "heading", "option", "table"]


def heading(text: str, level: int) -> str:
    """Make a heading."""
    return f"{'#' * level} {text}"


def fenced(name: str, argument: str, lines: Iterable[str]) -> str:
    """Make a directive; its fence is longer than any that it may hold."""
    return "\n".join([f"::::{{{name}}} {argument}", *lines, "::::"])


def confval(name: str, kind: str, default: str, text: str) -> str:
    """Describe a key of the survey file."""
    return fenced("confval", name, [f":type: {kind}", f":default: {default}", "", text])


def option(names: str, lines: Iterable[str]) -> str:
    """Describe an option or argument of a command."""
    return fenced("option", names, ["", *lines])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines
    )

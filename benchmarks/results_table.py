"""The table of a page of results, which a benchmark writes anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["replace_table"]


def replace_table(page: Path, columns: Sequence[str], rows: Iterable[str]) -> None:
    """Print the rows of a table as they come, and put them in the place of those of a page.

    Parameters
    ----------
    page
        Has one table, which begins with the first of the columns.
    columns
        Names over them.
    rows
        Lines of Markdown.
    """
    text = page.read_text()
    head, tail = text.partition(f"| {columns[0]}")[0], text.rpartition("|\n")[2]
    lines = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for row in rows:
        print(row, flush=True)
        lines.append(row)
    page.write_text(head + "\n".join(lines) + "\n" + tail)

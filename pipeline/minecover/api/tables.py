"""Tables that show themselves: in columns of a terminal, or as HTML where a notebook asks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sheet", "Table", "duration"]

WIDTH = 100
"""Columns of the text that a table is where no terminal says how many it has."""


@dataclass(frozen=True)
class Table:
    """Texts in rows and columns, the first of which names the row.

    Attributes
    ----------
    columns
        Their headings.
    rows
        A text for each column.
    total
        A last row, apart; None: there is none.
    words
        Headings of the columns that hold words, which stand on the left; numbers on the right.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None = None
    words: frozenset[str] = frozenset()

    def rich(self) -> RichTable:
        """Lay it out for a terminal."""
        # seven columns of large numbers have no room for wide gaps
        gap = 1 if len(self.columns) < 8 else 0
        table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.padding = (0, gap, 0, 0)
        table.add_column(self.columns[0], style="bold")
        for name in self.columns[1:]:
            words = name in self.words
            table.add_column(name, justify="left" if words else "right", style="dim" * words)
        for row in self.rows:
            table.add_row(*map(Text, row))
        if self.total is not None:
            table.add_section()
            table.add_row(*map(Text, self.total), style="bold")
        return table

    def html(self) -> str:
        """Write it as HTML, every text escaped."""
        head = "".join(f"<th{self._side(name)}>{escape(name)}</th>" for name in self.columns)
        rows = "".join(self._row(row, "td") for row in self.rows)
        foot = "" if self.total is None else f"<tfoot>{self._row(self.total, 'th')}</tfoot>"
        content = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>{foot}"
        return f'<table cellpadding="4">{content}</table>'

    def _row(self, row: tuple[str, ...], tag: str) -> str:
        name, *others = zip(self.columns, row, strict=True)
        cells = [f"<th{self._side(name[0])}>{escape(name[1])}</th>"]
        cells += [f"<{tag}{self._side(column)}>{escape(text)}</{tag}>" for column, text in others]
        return f"<tr>{''.join(cells)}</tr>"

    def _side(self, column: str) -> str:
        left = column in self.words or column == self.columns[0]
        return f' style="text-align: {"left" if left else "right"}"'

    @property
    def frame(self) -> pd.DataFrame:
        """Its texts as a DataFrame, without the total."""
        import pandas as pd  # commands show tables and print their help without it

        return pd.DataFrame(list(self.rows), columns=list(self.columns)).set_index(self.columns[0])


class Sheet:
    """Tables one below the other, and notes below them.

    In a terminal, printed or evaluated, it is text; in a notebook HTML.

    Parameters
    ----------
    tables, notes
        In order.
    """

    def __init__(self, tables: Sequence[Table], notes: Iterable[str] = ()) -> None:
        self.tables, self.notes = tuple(tables), tuple(notes)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Show it on a console of rich."""
        for number, table in enumerate(self.tables):
            if number:
                yield ""
            yield table.rich()
        if self.notes:
            yield ""
        for note in self.notes:
            yield Text(note, style="dim")

    def __repr__(self) -> str:
        """Lay it out as text."""
        shown = Console(file=io.StringIO(), width=WIDTH, color_system=None, force_jupyter=False)
        with shown.capture() as text:
            shown.print(self)
        return "\n".join(line.rstrip() for line in text.get().rstrip().splitlines())

    def _repr_html_(self) -> str:
        """Write it as HTML, for notebooks."""
        notes = "<br>".join(escape(note) for note in self.notes)
        tables = "".join(table.html() for table in self.tables)
        return f"<div>{tables}{f'<p><small>{notes}</small></p>' if notes else ''}</div>"

    @property
    def frame(self) -> pd.DataFrame:
        """What the first table shows, as a DataFrame."""
        return self.tables[0].frame


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d}" if hours < 48 else f"{hours / 24:.1f} d"

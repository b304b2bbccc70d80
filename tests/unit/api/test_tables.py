"""Tables show themselves: as text that fits a terminal, and as HTML in which nothing is markup."""

from __future__ import annotations

import io
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from minecover.api.tables import Sheet, Table, duration

TABLE = Table(
    ("stage", "tiles", "from"),
    (("cube", "12", "shipped"), ("train", "", "ledger")),
    ("all", "12", ""),
    frozenset({"from"}),
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


def test_as_text_it_has_a_line_for_each_row() -> None:
    lines = repr(Sheet([TABLE, TABLE], ["assumed: nothing"])).splitlines()
    assert lines[0].split() == ["stage", "tiles", "from"]
    assert [line.split() for line in lines[2:4]] == [["cube", "12", "shipped"], ["train", "ledger"]]
    assert lines[5].split() == ["all", "12"]
    assert lines[-1] == "assumed: nothing"
    assert all(line == line.rstrip() for line in lines)


def test_on_a_console_it_is_the_same_text() -> None:
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(Sheet([TABLE], ["a note with [brackets]"]))
    shown = [line.rstrip() for line in console.export_text().splitlines()]
    assert "\n".join(shown) == repr(Sheet([TABLE], ["a note with [brackets]"]))


@given(texts, texts, texts)
def test_no_text_is_markup(first: str, second: str, note: str) -> None:
    sheet = Sheet([Table(("name", "<b>"), ((first, second),), ("<i>", "&"))], [note])
    tree = ElementTree.fromstring(sheet._repr_html_().replace("<br>", "<br/>"))
    cells = [cell.text or "" for cell in tree.iter() if cell.tag in ("td", "th")]
    assert cells == ["name", "<b>", first, second, "<i>", "&"]
    small = tree.find("p/small")
    assert note == ("" if small is None else small.text)
    assert [row.tag for row in tree.iter() if row.tag in ("b", "i", "script")] == []


@given(texts)
def test_brackets_are_no_styles_of_the_terminal(text: str) -> None:
    tagged = f"[red]{text.strip()}[/red]x"
    console = Console(file=io.StringIO(), width=200, record=True)
    console.print(Sheet([Table(("name", "text"), (("a", tagged),))]))
    assert "[red]" in console.export_text()


def test_numbers_stand_on_the_right_and_words_on_the_left() -> None:
    html = TABLE.html()
    assert '<td style="text-align: right">12</td>' in html
    assert '<td style="text-align: left">shipped</td>' in html
    assert '<th style="text-align: left">cube</th>' in html


def test_its_texts_are_a_frame() -> None:
    frame = Sheet([TABLE]).frame
    assert frame.loc["cube"].tolist() == ["12", "shipped"]
    assert list(frame.index) == ["cube", "train"]


def test_durations_are_said_as_people_do() -> None:
    seconds = (0.4, 99, 100, 5900, 7260, 200_000)
    said = ["0 s", "99 s", "2 min", "98 min", "2 h 01", "2.3 d"]
    assert [duration(value) for value in seconds] == said

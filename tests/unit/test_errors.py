"""Messages quote what anybody may have written: they stay readable, and steer no terminal."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from minecover.errors import LONGEST, DataError, HeldError


@given(st.text(max_size=3000).map(lambda text: text * 5))
def test_a_message_is_short_and_can_be_printed_anywhere(text: str) -> None:
    message = str(DataError(f"item {text}: it is damaged"))
    message.encode()
    assert len(message) <= LONGEST + 4
    assert "\x1b" not in message
    assert "\u202e" not in message


def test_what_is_readable_stays_as_it_is() -> None:
    text = "seasons.été: 2 left out,\n\tthe first: item 东胜 (100 %)"
    assert str(DataError(text)) == text
    assert str(DataError("x" * 1000)) == f"{'x' * 200}..."
    assert str(DataError("a \x1b[31mred\x9b text")) == "a \ufffd[31mred\ufffd text"


def test_a_long_line_keeps_its_beginning_and_what_to_do() -> None:
    quoted = ", ".join(map(str, range(2000)))
    message = str(DataError(f"first\nblock: [{quoted}]: give a number; correct it\nlast"))
    first, line, last = message.split("\n")
    assert (first, last) == ("first", "last")
    assert line.startswith("block: [0, 1, 2, ")
    assert line.endswith("1999]: give a number; correct it")
    assert len(line) < 1300


def test_errors_cross_processes() -> None:
    error = pickle.loads(pickle.dumps(DataError("cube.zarr: damaged")))
    assert isinstance(error, DataError)
    assert str(error) == "cube.zarr: damaged"
    assert str(HeldError("r0 is held", 3.0)) == "r0 is held"

"""Progress: a table that fills in a notebook, a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import io
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from minecover.api.progress import NotebookProgress, TerminalProgress, shown_progress
from minecover.engines.base import Outcome
from minecover.errors import SurveyError
from minecover.geography.grid import Tile
from minecover.ledger.steps import Step
from minecover.workflow.progress import Silent


class Handle:
    """A display of IPython that keeps what it showed."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, thing: Any) -> None:
        self.shown.append(thing._repr_html_())


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Handle:
    """This process as the kernel of a notebook."""
    handle, module = Handle(), ModuleType("IPython")
    shell = SimpleNamespace(kernel=object())
    module.get_ipython = lambda: shell  # type: ignore[attr-defined]
    display = ModuleType("IPython.display")

    def shown(thing: Any, display_id: bool) -> Handle:
        assert display_id
        handle.update(thing)
        return handle

    display.display = shown  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return handle


def run(progress: Any, tiles: int = 3) -> None:
    progress.already_complete("catalog")
    progress.started("cube", tiles + 1, 1)
    for number in range(tiles):
        bad = "B04 <is> truncated" if number == 1 else None
        progress.tile(Outcome(Tile(0, number), error=bad))
    progress.finished("cube", {"tiles": tiles + 1}, 12.34)


def test_a_notebook_gets_a_table_that_fills(handle: Handle) -> None:
    with shown_progress("auto") as progress:
        assert isinstance(progress, NotebookProgress)
        run(progress)
    assert any('<progress value="1" max="4"></progress> 1 of 4 tiles' in s for s in handle.shown)
    last = handle.shown[-1]
    assert "<progress" not in last
    assert last.count("<tr>") == 2
    assert "12.3 s" in last
    assert "4 tiles" in last
    assert "r0000c0001 failed: B04 &lt;is&gt; truncated" in last


def test_a_notebook_says_where_a_run_stopped(handle: Handle) -> None:
    def interrupted() -> None:
        with shown_progress("auto") as progress:
            progress.started("cube", 4, 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "stopped 1 of 4 tiles" in handle.shown[-1]
    assert "<progress" not in handle.shown[-1]


def test_pictures_are_not_drawn_for_every_tile(handle: Handle) -> None:
    with shown_progress("auto") as progress:
        run(progress, tiles=5000)
    assert len(handle.shown) < 200


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with shown_progress("auto") as progress:
        assert isinstance(progress, TerminalProgress)


def piped(times: list[float]) -> tuple[TerminalProgress, io.StringIO]:
    file, given = io.StringIO(), iter(times)
    console = Console(file=file, width=60, color_system=None, highlight=False)
    return TerminalProgress(console, clock=lambda: next(given)), file


def test_a_pipe_gets_a_line_on_a_long_stage_now_and_then_and_one_at_its_end() -> None:
    # begun at 0; looked at with every step, and once more where a line is written
    progress, file = piped([0.0, 4.0, 11.0, 11.0, 15.0, 20.9, 21.0, 21.0])
    with progress:
        progress.started("train", None, 0)
        for epoch in range(1, 6):
            progress.step("train", Step(epoch, 50, "epochs", f"loss 0.{epoch}", 100.0 - epoch))
        progress.finished("train", {"samples": 718}, 21.5)
    assert file.getvalue().splitlines() == [
        " … train     2 of 50 epochs, loss 0.2, 98 s left",
        " … train     5 of 50 epochs, loss 0.5, 95 s left",
        " ✓ train       21.5 s  718 samples",
    ]


def test_a_pipe_gets_no_line_on_a_short_stage() -> None:
    progress, file = piped([0.0, 1.0, 9.9])
    with progress:
        progress.started("select", None, 0)
        for number in (1, 2):
            progress.step("select", Step(number, 2, "resamples ranked"))
        progress.finished("select", {}, 9.9)
    assert file.getvalue() == " ✓ select       9.9 s\n"


def test_a_terminal_shows_how_far_a_stage_is_beside_the_spinner() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, color_system=None, force_terminal=True)
    with TerminalProgress(console) as progress:
        progress.started("assess", None, 0)
        progress.step("assess", Step(3, 10, "models tested on a fold", "", 130.0))
        assert progress.bar is not None
        progress.bar.refresh()
    assert "3 of 10 models tested on a fold, 2 min left" in file.getvalue()


def test_a_notebook_says_in_the_row_how_far_a_stage_is(handle: Handle) -> None:
    with shown_progress("auto") as progress:
        progress.started("train", None, 0)
        assert isinstance(progress, NotebookProgress)
        progress.step("train", Step(10, 10, "epochs", "loss <1", 0.0))
        assert "</progress> 10 of 10 epochs, loss &lt;1</td>" in progress._repr_html_()
        progress.finished("train", {}, 1.0)
    assert "epochs" not in handle.shown[-1]


def test_elsewhere_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for choice in ("auto", "none"):
        with shown_progress(choice) as progress:
            assert isinstance(progress, Silent)
            run(progress)
    assert capsys.readouterr().out == ""


def test_an_object_with_the_methods_is_taken_and_another_refused() -> None:
    mine = Silent()
    with shown_progress(mine) as progress:
        assert progress is mine
    for wrong in ("bar", object(), None):
        with pytest.raises(SurveyError, match=r"^progress: .*; give 'auto', 'none', or an object"):
            shown_progress(wrong).__enter__()  # type: ignore[arg-type]

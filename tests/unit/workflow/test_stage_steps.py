"""What a stage reports: time left, shown by the run and in the ledger while it works."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from minecover.api.outdated import current_status
from minecover.engines.report import TasksReport
from minecover.ledger.markers import Ledger
from minecover.ledger.status import survey_status
from minecover.ledger.steps import Step
from minecover.storage.names import COMPARISON
from minecover.storage.store import Store
from minecover.testing.stages import tile_survey
from minecover.workflow.progress import Facts, Silent
from minecover.workflow.run import Run
from minecover.workflow.stage import Stage, StageContext
from minecover.workflow.steps import StageSteps


class Shown(Silent):
    """Progress that keeps the steps it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[str, Step]] = []

    def step(self, stage: str, step: Step) -> None:
        self.steps.append((stage, step))


def test_time_left_is_told_by_what_was_done_here_of_the_same_kind() -> None:
    times = iter([0.0, 6.0, 30.0, 31.0, 35.0, 40.0])
    shown: list[Step] = []
    report = StageSteps(shown.append, clock=lambda: next(times))
    report(4, 10, "epochs")  # four were done before this run
    report(5, 10, "epochs", "loss 1")  # one in 6 s, five to go
    report(8, 10, "epochs")  # four in 30 s, two to go
    report(0, 3, "folds")
    report(1, 3, "folds")  # one in 4 s, two to go
    report(0, 3, "folds")  # another turn of the same
    assert [step.left for step in shown] == [None, 30.0, 15.0, None, 8.0, None]
    assert shown[1] == Step(5, 10, "epochs", "loss 1", 30.0)


def test_a_stage_shows_its_steps_and_leaves_nothing_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minecover.ledger.steps.WRITTEN_EVERY", 0.01)
    survey = tile_survey(str(tmp_path / "store"), 1, 1)
    seen: list[Step] = []

    def work(context: StageContext) -> Facts:
        context.report(1, 2, "folds", "of two")
        end = time.monotonic() + 20
        while not seen and time.monotonic() < end:
            (status,) = survey_status(Store(survey.store), ["catalog"])
            seen.extend([] if status.step is None else [status.step])
        return {}

    shown = Shown()
    Run(survey, [Stage("catalog", "", lambda workspace: None, work)], shown).until("catalog")
    assert seen == [Step(1, 2, "folds", "of two")]
    assert shown.steps == [("catalog", Step(1, 2, "folds", "of two"))]
    left = [path.name for path in (tmp_path / "store" / "ledger" / "catalog").rglob("*.json")]
    assert left == ["stage.json"]


def test_a_comparison_is_in_the_status_while_it_goes_on(tmp_path: Path) -> None:
    survey = tile_survey(str(tmp_path / "store"), 1, 1)
    store = Store(survey.store)
    names = [status.stage for status in current_status(store, survey)]
    assert COMPARISON not in names
    drivers = Ledger(store).drivers(COMPARISON, 60.0)
    lease = drivers.take("stage")
    with drivers.holding(lease):
        step = {"done": 3, "of": 40, "what": "choices and trials", "note": "rf-all", "left": 90.0}
        store.write_json(f"ledger/{COMPARISON}/progress.json", {**step, "token": lease.token})
        *stages, comparison = current_status(store, survey)
        assert [status.stage for status in stages] == names
        assert (comparison.stage, comparison.state, comparison.left) == ("compare", "running", 90.0)
        assert comparison.step == Step(3, 40, "choices and trials", "rf-all", 90.0)
    assert [status.stage for status in current_status(store, survey)] == names


def test_an_assessment_tells_models_tested_and_epochs_of_those_that_are_trained() -> None:
    told: list[tuple[int, int, str, str]] = []

    def report(done: int, of: int, what: str, note: str = "") -> None:
        told.append((done, of, what, note))

    tested = TasksReport(report, 4, "models tested on a fold")
    tested.of("block fold 1")(2, 30, "epochs", "loss 0.512")
    tested.count()
    tested.of("random fold 0 of west")(30, 30, "epochs")
    assert told == [
        (0, 4, "models tested on a fold", "2 of 30 epochs of block fold 1, loss 0.512"),
        (1, 4, "models tested on a fold", ""),
        (1, 4, "models tested on a fold", "30 of 30 epochs of random fold 0 of west"),
    ]

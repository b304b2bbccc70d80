"""A store is that of one survey, on one grid, in one format; another is refused, never mixed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import minecover
from minecover.errors import DataError, StoreError
from minecover.planning.store_location import existing_store
from minecover.storage.identity import known_store
from minecover.storage.names import FORMAT
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Facts, Silent
from minecover.workflow.run import Run
from minecover.workflow.share import do_share
from minecover.workflow.stage import Stage, StageContext, Workspace
from minecover.workflow.store_owner import release_store, take_store


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return tile_survey(str(tmp_path / "store"), 1, 2)


def workspace(survey: Survey) -> Workspace:
    return Workspace(survey, number_stages())


def document(survey: Survey) -> Path:
    return Path(survey.store) / "survey.json"


def rewrite(survey: Survey, **changes: object) -> None:
    """Change what `survey.json` says; None takes a key out."""
    known = {**json.loads(document(survey).read_text()), **changes}
    kept = {key: value for key, value in known.items() if value is not None}
    document(survey).write_text(json.dumps(kept))


def test_a_store_is_taken_once_and_says_which_version_made_it(survey: Survey) -> None:
    assert take_store(workspace(survey))
    assert not take_store(workspace(survey))
    known = json.loads(document(survey).read_text())
    assert (known["format"], known["minecover"]) == (FORMAT, minecover.__version__)


def test_another_version_of_the_same_format_goes_on(survey: Survey) -> None:
    take_store(workspace(survey))
    rewrite(survey, minecover="9.9.9")
    assert not take_store(workspace(survey))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 1, "minecover": None}, "format 1, written by minecover 0.1; .* format 4"),
        ({"format": 5, "minecover": "0.9.0"}, r"format 5, written by minecover 0\.9\.0"),
    ],
)
def test_a_store_of_another_format_is_refused_and_left_as_it_is(
    survey: Survey, changes: dict[str, object], said: str
) -> None:
    Run(survey, number_stages(), Silent()).until("features")
    rewrite(survey, **changes)
    folder = Path(survey.store)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    openers = (
        lambda: Run(survey, number_stages(), Silent()).until("features"),
        lambda: Run(survey, number_stages(), Silent()).until("cube", again=True),
        lambda: do_share(survey, "cube", 0, 1, Silent(), number_stages()),
        lambda: known_store(survey.store),
        lambda: existing_store(survey.store),
    )
    for opened in openers:
        with pytest.raises(
            StoreError, match=f"'stubs' is in {said}.*give another store, or delete"
        ):
            opened()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_store_of_another_survey_or_grid_is_refused(survey: Survey) -> None:
    take_store(workspace(survey))
    renamed = survey.model_copy(update={"name": "others"})
    with pytest.raises(StoreError, match="store of survey 'stubs' and differs in name"):
        take_store(workspace(renamed))
    with pytest.raises(StoreError, match="differs in grid"):
        take_store(workspace(tile_survey(survey.store, 2, 2)))


def test_a_folder_with_anything_else_is_refused(survey: Survey) -> None:
    Store(survey.store).write("holiday.jpg", b"")
    with pytest.raises(StoreError, match="not empty and no store of minecover"):
        take_store(workspace(survey))


def test_a_store_is_left_again_only_where_nothing_was_made(survey: Survey) -> None:
    taken = workspace(survey)
    take_store(taken)
    release_store(taken)
    assert not document(survey).exists()
    take_store(taken)
    taken.store.write("manifest.json", b"{}")
    release_store(taken)
    assert document(survey).exists()


def test_a_run_that_fails_at_its_first_stage_leaves_the_store(survey: Survey) -> None:
    def failing(context: StageContext) -> Facts:
        raise DataError("no items")

    first = Stage("catalog", "", lambda workspace: None, failing)
    with pytest.raises(DataError, match="no items"):
        Run(survey, (first, *number_stages()[1:]), Silent()).until("cube")
    assert not document(survey).exists()

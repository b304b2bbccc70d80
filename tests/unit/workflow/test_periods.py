"""Periods of a survey: a tile of each is done, resumed and kept by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minecover.engines.base import Outcome
from minecover.errors import DataError, StoreError
from minecover.ledger.invalidation import current_markers, invalidate_tiles
from minecover.storage.raster_array import stacked
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.testing.stages import NumberJob, number_stages, tile_survey
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts, Silent
from minecover.workflow.run import Run
from minecover.workflow.stage import Stage, StageContext, Workspace

ROWS, COLUMNS = 1, 3


class Worked(Silent):
    """Remembers which tiles were worked on, and which stages were complete."""

    def __init__(self) -> None:
        super().__init__()
        self.tiles: list[str] = []
        self.complete: list[str] = []

    def already_complete(self, stage: str) -> None:
        self.complete.append(stage)

    def tile(self, outcome: Outcome) -> None:
        self.tiles.append(outcome.tile.name)


def survey(store: Path, *years: int) -> Survey:
    """Describe a row of tiles in some years."""
    seasons = {year: {"seasons": {"year": [f"{year}-01-01/{year}-12-31"]}} for year in years}
    plain = tile_survey(str(store), ROWS, COLUMNS)
    return plain.replace(periods=seasons, **seasons[years[-1]])


def stages(**options: Any) -> tuple[Stage, ...]:
    """Stages of which one, `learn`, reads the first period alone, as one that trains may."""

    def predict(context: StageContext) -> Facts:
        survey = context.workspace.survey
        job = NumberJob(survey.store, survey, "map.zarr")
        return context.do_tiles(Target("map.zarr", (stacked(("number",)),)), job)

    catalog, *tiles = number_stages(**options)
    catalog = replace(
        catalog, by_period=True, depends_on=lambda at: at.survey.model_dump(mode="json")["seasons"]
    )
    learn = Stage(
        "learn",
        "",
        lambda workspace: None,
        lambda context: {},
        periods_read=lambda workspace: workspace.survey.period_names[:1],
    )
    tiles.append(replace(tiles[0], name="predict", work=predict, reach="everything"))
    cube, features, mapped = (replace(stage, by_period=True) for stage in tiles)
    return (catalog, cube, features, learn, mapped)


def run(survey: Survey, *, last: str = "predict", **options: Any) -> Worked:
    progress = Worked()
    Run(survey, stages(**options), progress).until(last)
    return progress


def rasters(store: Path) -> dict[str, bytes]:
    """Give the bytes of all that is not of the ledger."""
    its = Store(str(store))
    return {key: its.read(key) or b"" for key in its.names("") if ".zarr/" in key}


def names(*years: int) -> list[str]:
    return [f"{year}.r0000c{column:04d}" for year in years for column in range(COLUMNS)]


def test_every_period_has_tiles_of_its_own(tmp_path: Path) -> None:
    worked = run(survey(tmp_path, 2019, 2023))
    assert worked.tiles == 3 * names(2019, 2023)
    assert run(survey(tmp_path, 2019, 2023)).tiles == []


def test_a_period_that_is_added_is_all_that_is_worked_on(tmp_path: Path) -> None:
    run(survey(tmp_path / "later", 2019))
    added = run(survey(tmp_path / "later", 2019, 2023))
    assert added.tiles == 3 * names(2023)
    assert added.complete == ["learn"]  # the model is made from the first
    run(survey(tmp_path / "at_once", 2019, 2023))
    assert rasters(tmp_path / "later") == rasters(tmp_path / "at_once")


def test_other_dates_of_a_period_leave_the_others_as_they_are(tmp_path: Path) -> None:
    both = survey(tmp_path, 2019, 2023)
    run(both)
    later = {"seasons": {"year": ["2023-02-01/2023-12-31"]}}
    changed = run(both.replace(periods__2023=later))
    assert changed.tiles == 3 * names(2023)
    assert changed.complete == ["learn"]
    first = {"seasons": {"year": ["2019-02-01/2019-12-31"]}}
    changed = run(both.replace(periods__2019=first, periods__2023=later))
    assert changed.tiles == 2 * names(2019) + names(2019, 2023)  # another model
    assert "learn" in changed.done


def test_a_period_before_others_has_the_rasters_made_anew(tmp_path: Path) -> None:
    run(survey(tmp_path / "late", 2023))
    assert run(survey(tmp_path / "late", 2019, 2023)).tiles == 3 * names(2019, 2023)
    run(survey(tmp_path / "at_once", 2019, 2023))
    assert rasters(tmp_path / "late") == rasters(tmp_path / "at_once")


def test_a_tile_fails_and_is_tried_again_in_its_period(tmp_path: Path) -> None:
    both = survey(tmp_path, 2019, 2023)
    with pytest.raises(DataError, match=r"2023\.r0000c0001: B04 is truncated"):
        run(both, bad=("2023.r0000c0001",))
    assert run(both).tiles == ["2023.r0000c0001", *names(2019, 2023), *names(2019, 2023)]


def test_a_tile_that_is_done_again_opens_the_later_ones_of_its_period(tmp_path: Path) -> None:
    both = survey(tmp_path, 2019, 2023)
    run(both, last="features")
    place = Workspace(both, stages())
    markers = current_markers(place.ledger, "cube")
    assert markers is not None
    invalidate_tiles(markers, ["2023.r0000c0000"], place.order)
    assert run(both, last="features").tiles == [
        "2023.r0000c0000", "2023.r0000c0000", "2023.r0000c0001",
    ]  # fmt: skip


def test_what_died_while_a_period_was_added_is_added_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(survey(tmp_path / "later", 2019))
    create = Store.create_layers

    def dying(self: Store, *given: Any, **options: Any) -> None:
        create(self, *given, **options)
        raise StoreError("the disk is full")

    monkeypatch.setattr(Store, "create_layers", dying)
    with pytest.raises(StoreError, match="the disk is full"):
        run(survey(tmp_path / "later", 2019, 2023))
    monkeypatch.undo()
    assert run(survey(tmp_path / "later", 2019, 2023)).tiles == 3 * names(2023)
    run(survey(tmp_path / "at_once", 2019, 2023))
    assert rasters(tmp_path / "later") == rasters(tmp_path / "at_once")


def test_a_period_that_is_not_there_is_named(tmp_path: Path) -> None:
    run(survey(tmp_path, 2019, 2023), last="cube")
    store = Store(str(tmp_path))
    assert store.layers("cube.zarr").period == "2023"
    assert store.layers("cube.zarr", "2019").periods == ("2019", "2023")
    with pytest.raises(StoreError, match="no period '2020'; it has 2019, 2023"):
        store.layers("cube.zarr", "2020")

"""New scenes: told of, taken up on request, and only the tiles that they touch are done again."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from _catalogs import EPSG, LEFT, CatalogWriter, survey_over
from minecover.engines.base import Outcome
from minecover.planning.check import check_survey
from minecover.stages.registry import stages_of
from minecover.survey import Survey
from minecover.workflow.new_scenes import new_scenes
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

TILE = 32
EAST = LEFT + 3 * TILE * 10
"""Left edge of the last of four tiles in a row."""

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


class Tiles(Silent):
    """Remembers which tiles of which stage were worked on."""

    def __init__(self) -> None:
        super().__init__()
        self.stage, self.worked = "", dict[str, list[int]]()

    def started(self, stage: str, tiles: int | None, done: int) -> None:
        self.stage = stage
        if tiles is not None:
            self.worked[stage] = []

    def tile(self, outcome: Outcome) -> None:
        self.worked[self.stage].append(outcome.tile.column)


def two_valued(seed: int, columns: int) -> np.ndarray:
    """Digital numbers of two values alone, so that the range of texture stays what it is."""
    return np.random.default_rng(seed).choice(np.array([1000, 3000], np.uint16), (TILE, columns))


class Place:
    """A catalog that grows, and a survey of four tiles over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = CatalogWriter(folder / "catalog")
        self.writer.sentinel2("whole", "2021-06-10T03:00:00Z", two_valued(1, 4 * TILE))
        self.writer.sentinel2("west", "2021-07-10T03:00:00Z", two_valued(2, TILE))
        self.url = self.writer.write()

    def add_east(self, when: str = "2021-06-20T03:00:00Z", dn: np.ndarray | None = None) -> None:
        """Publish one more scene, over the last tile, between the two that there are."""
        dn = two_valued(3, TILE) if dn is None else dn
        self.writer.sentinel2("east", when, dn, left=EAST)
        self.writer.write()

    def survey(self, store: str = "store") -> Survey:
        engine = {"tiles": "local", "prediction": "local", "training": "local"}
        place = str(self.folder / store)
        grid = {"crs": f"EPSG:{EPSG}", "tile": TILE}
        size = (TILE, 4 * TILE)
        return survey_over(self.url, size=size, grid=grid, engine=engine, store=place)

    def run(
        self, store: str = "store", last: str = "features", *, new_scenes: bool = False
    ) -> dict[str, list[int]]:
        """Run up to a stage; give the columns of the tiles that were worked on."""
        progress, survey = Tiles(), self.survey(store)
        Run(survey, stages_of(survey), progress).until(last, new_scenes=new_scenes)
        return {stage: sorted(columns) for stage, columns in progress.worked.items()}

    def files(self, store: str) -> dict[str, bytes]:
        """All that later stages read."""
        root = self.folder / store
        found = {p for name in ("cube.zarr", "features.zarr") for p in (root / name).rglob("*")}
        found.add(root / "manifest.json")
        return {str(p.relative_to(root)): p.read_bytes() for p in found if p.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_only_what_a_scene_touches_is_done_again_and_the_bytes_are_those_of_a_fresh_run(
    place: Place,
) -> None:
    assert place.run() == {"cube": [0, 1, 2, 3], "features": [0, 1, 2, 3]}
    place.add_east()
    assert place.run() == {}  # nobody asked for it
    assert place.run(new_scenes=True) == {"cube": [3], "features": [2, 3]}
    assert place.run(new_scenes=True) == {}
    place.run("fresh")
    assert place.files("store") == place.files("fresh")


def test_a_scene_of_an_overpass_that_is_there_touches_its_own_tiles_only(place: Place) -> None:
    place.run(last="cube")
    place.add_east("2021-07-10T03:05:00Z")  # of the overpass of `west`
    assert place.run(last="cube", new_scenes=True) == {"cube": [3]}
    place.run("fresh", "cube")
    assert place.files("store") == place.files("fresh")


def test_another_range_of_texture_is_another_texture_everywhere(place: Place) -> None:
    place.run()
    place.add_east(dn=np.full((TILE, TILE), 9000, np.uint16))
    assert place.run(new_scenes=True) == {"cube": [3], "features": [0, 1, 2, 3]}
    place.run("fresh")
    assert place.files("store") == place.files("fresh")


def test_scenes_that_went_and_came_back_leave_what_there_was(place: Place) -> None:
    place.run()
    before = place.files("store")
    place.add_east()
    place.run(new_scenes=True)
    document = place.writer.items["sentinel-2-l2a"].pop()
    place.writer.write()
    assert document["id"] == "east"
    assert place.run(new_scenes=True) == {"cube": [3], "features": [2, 3]}
    assert place.files("store") == before


def test_tiles_that_were_not_done_before_are_done_now(place: Place) -> None:
    survey = place.survey()
    run = Run(survey, stages_of(survey), Silent())
    run.until("cube")
    run.ledger.reopen_stage("cube")
    markers = run._markers("cube", run.fingerprint("cube"))
    markers.reopen("r0000c0001")
    place.add_east()
    assert place.run(last="cube", new_scenes=True) == {"cube": [1, 3]}
    place.run("fresh", "cube")
    assert place.files("store") == place.files("fresh")


def interrupted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a driver die when it first calls a function of the layout."""
    from minecover.workflow import layout

    kind = layout._Layout
    original = getattr(kind, name)

    def die(self: object, *arguments: object) -> None:
        monkeypatch.setattr(kind, name, original)
        raise KeyboardInterrupt

    monkeypatch.setattr(kind, name, die)


@pytest.mark.parametrize("where", ["_keep", "_adopt"])
def test_a_run_that_is_stopped_while_it_keeps_tiles_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    place.run(last="cube")
    place.add_east()
    interrupted(monkeypatch, where)
    with pytest.raises(KeyboardInterrupt):
        place.run(last="cube", new_scenes=True)
    assert place.run(last="cube") == {"cube": [3]}
    place.run("fresh", "cube")
    assert place.files("store") == place.files("fresh")


def test_other_settings_keep_nothing(place: Place) -> None:
    place.run(last="cube")
    place.add_east()
    settings = {"composite": "geometric_median"}
    survey = place.survey().replace(sources__sentinel2={"scl": None, **settings})
    progress = Tiles()
    Run(survey, stages_of(survey), progress).until("cube", new_scenes=True)
    assert sorted(progress.worked["cube"]) == [0, 1, 2, 3]


def test_check_and_run_tell_what_the_catalog_has_more(place: Place) -> None:
    survey = place.survey()
    assert list(new_scenes(survey)) == []  # nothing was looked up yet
    place.run(last="catalog")
    assert list(new_scenes(survey)) == []
    place.add_east()
    text = "new scenes: the catalog has 1 scenes more than were looked up (the first: east); take"
    assert [line[: len(text)] for line in new_scenes(survey)] == [text]
    assert any(line.text.startswith(text) for line in islice(check_survey(survey), 3))
    item = place.writer.items["sentinel-2-l2a"][0]
    item["properties"]["s2:processing_baseline"] = "02.14"
    place.writer.write()
    assert "1 scenes more than were looked up, 1 otherwise" in next(new_scenes(survey))
    path = place.folder / "catalog/sentinel-2-l2a/collection.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"links": []}))
    assert "it is not known whether there are any: area: it lies" in next(new_scenes(survey))


def test_other_settings_are_no_new_scenes(place: Place) -> None:
    place.run(last="catalog")
    place.add_east()
    other = place.survey().replace(seasons={"june": ["2021-06-01/2021-06-30"]})
    assert list(new_scenes(other)) == []

"""Sources by name: settings of a survey, and a sensor that another package brings in one file."""

from __future__ import annotations

import json
import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from _catalogs import (
    LEFT,
    TOP,
    CatalogWriter,
    cube_names,
    cube_of,
    frozen,
    scenes_of,
    source_of,
    survey_over,
)
from minecover.cube.build import Composer
from minecover.errors import MinecoverError, SurveyError
from minecover.kubernetes.inputs import pod_survey
from minecover.planning.work import workload
from minecover.settings import Section
from minecover.sources.registry import SOURCES, sources_of
from minecover.sources.source import Source, own_files
from minecover.stages.catalog import CATALOG as CATALOG_STAGE
from minecover.stages.registry import stages_of
from minecover.survey import Survey, load
from minecover.survey.grid import survey_grid
from minecover.workflow import stage
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

CATALOG = "catalog.json"
DOORS = Path(__file__).parents[2] / "doors" / "installed"


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings the source `stranger/landsat.py` of the doors."""
    monkeypatch.syspath_prepend(DOORS)
    monkeypatch.setattr(SOURCES, "_known", {})


def scene(writer: CatalogWriter, name: str, when: str, dn: np.ndarray, quality: np.ndarray) -> None:
    rasters = dict.fromkeys(("blue", "green", "red", "nir08"), dn) | {"qa_pixel": quality}
    place: dict[str, Any] = {"left": LEFT - 60, "top": TOP + 60, "pixels": 30.0}
    writer.item("landsat-c2-l2", name, when, rasters, platform="landsat-8", **place)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    writer = CatalogWriter(tmp_path / "catalog")
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 1000, np.uint16))
    clear = np.full((30, 30), 1 << 6, np.uint16)
    cloudy = clear.copy()
    cloudy[:, :12] |= 1 << 3
    for n, quality in enumerate((clear, clear, cloudy)):
        dn = np.full((30, 30), 10_000 + 1000 * n, np.uint16)
        scene(writer, f"l{n}", f"2021-06-{11 + 8 * n}T03:00:00Z", dn, quality)
    return writer.write()


def test_a_survey_that_names_no_source_has_those_that_every_survey_has() -> None:
    survey = survey_over(CATALOG)
    assert list(survey.sources) == ["sentinel2"]
    named = survey_over(CATALOG, sources={"night_lights": {"path": "x"}, "sentinel1": {}})
    assert list(named.sources) == ["sentinel2", "sentinel1", "night_lights"]
    assert list(survey_over(CATALOG, sources={"terrain": None}).sources) == ["sentinel2"]


@pytest.mark.parametrize(
    ("sources", "where", "what"),
    [
        ({"sentinel2": {"max_cloud_cover": 200}}, "sources.sentinel2.max_cloud_cover", "100"),
        ({"sentinel2": {"clouds": 3}}, "sources.sentinel2.clouds", "unknown; is it cloud_masks?"),
        ({"sentinel2": None}, "sources.sentinel2", "give keys with their values"),
        ({"spot": {}}, "sources.spot", "no source 'spot'; there are sentinel2, sentinel1, terrain"),
        ({1: {}}, "sources.1", "no source 1"),
        (["sentinel2"], "sources", "give keys with their values"),
    ],
)
def test_a_mistake_is_named_at_its_place(
    tmp_path: Path, sources: Any, where: str, what: str
) -> None:
    path = tmp_path / "survey.yaml"
    document = survey_over(CATALOG).model_dump(mode="json")
    path.write_text(json.dumps(document | {"sources": sources}).replace('"1":', "1:"))
    with pytest.raises(SurveyError) as caught:
        load(path)
    assert f"  {where}: " in str(caught.value)
    assert what in str(caught.value)


def test_settings_survive_pickling_and_documents() -> None:
    survey = survey_over(CATALOG, sources={"terrain": {"path": "/dem.tif"}, "sentinel1": None})
    assert pickle.loads(pickle.dumps(survey)) == survey
    assert Survey.model_validate_json(survey.model_dump_json()) == survey
    assert Survey.model_validate(survey.model_dump()) == survey
    assert survey != survey_over(CATALOG)
    assert hash(survey.sources) == hash(pickle.loads(pickle.dumps(survey.sources)))
    assert own_files(sources_of(survey.sources)) == {"sources.terrain.path": "/dem.tif"}
    given = survey.model_dump(exclude_unset=True)["sources"]
    assert given == {"sentinel2": {"scl": None}, "terrain": {"path": "/dem.tif"}}
    assert "max_cloud_cover" not in pod_survey(survey)


def test_two_sources_bring_no_layer_of_one_name() -> None:
    class Other(SOURCES["terrain"]):  # type: ignore[misc]
        name = "other"

    SOURCES.register("other", Other)
    try:
        with pytest.raises(ValueError, match="terrain and other both bring elevation"):
            survey_over(CATALOG, sources={"terrain": {}, "other": {}})
    finally:
        SOURCES._added.clear()
        SOURCES._known.pop("other")


@pytest.mark.usefixtures("stranger")
def test_a_class_and_its_entry_point_have_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "renamed-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: renamed\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[minecover.sources]\nsat = stranger.landsat:Landsat\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SurveyError, match="source 'sat': its class Landsat calls itself 'landsat'"):
        survey_over(CATALOG, sources={"sat": {}})


@pytest.mark.usefixtures("stranger")
def test_a_strangers_sensor_is_known_everywhere(catalog: Path) -> None:
    survey = survey_over(catalog, sources={"landsat": {"composite": "geometric_median"}})
    assert "LandsatSettings" in json.dumps(Survey.model_json_schema())
    assert cube_names(survey)[11:] == tuple(
        f"summer_{name}" for name in ("L2", "L3", "L4", "L5", "LCLEAR")
    )
    work = workload(survey, survey_grid(survey))
    assert work.cube_layers == 16
    assert any("landsat 7" in line for line in work.assumptions)  # 92 days, 8 apart, 60 % usable
    assert [item.id for item in frozen(survey).items("landsat", "summer")] == ["l0", "l1", "l2"]


@pytest.mark.usefixtures("stranger")
def test_a_strangers_scenes_are_scaled_masked_and_composed(catalog: Path, tmp_path: Path) -> None:
    survey = survey_over(catalog, sources={"landsat": {}})
    image = source_of(survey, "landsat").compose(scenes_of(survey, "landsat", "summer"))
    reflectance = [dn * 2.75e-5 - 0.2 for dn in (10_000, 11_000, 12_000)]
    count = image[-1]
    assert (count[:, :28] == 2).all()  # the cloud ends 12 pixels of 30 m from 60 m west of it
    assert (count[:, 32:] == 3).all()
    assert np.allclose(image[:-1, :, :28], np.mean(reflectance[:2]), atol=1e-6)
    assert np.allclose(image[:-1, :, 32:], reflectance[1], atol=1e-6)
    names, cube = cube_names(survey), cube_of(survey, tmp_path / "store")
    assert np.array_equal(cube[names.index("summer_L2")], image[0])


@pytest.mark.usefixtures("stranger")
def test_settings_and_code_of_a_source_are_in_the_fingerprints(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fingerprints(survey: Survey) -> dict[str, str]:
        run = Run(survey, stages_of(survey), Silent())
        return dict(islice(run.fingerprints(), 2))

    store = str(tmp_path / "store")
    plain = fingerprints(survey_over(catalog, store=store))
    with_it = fingerprints(survey_over(catalog, store=store, sources={"landsat": {}}))
    other = {"landsat": {"composite": "geometric_median"}}
    changed = fingerprints(survey_over(catalog, store=store, sources=other))
    assert CATALOG_STAGE.modules(survey_over(catalog, sources={"landsat": {}})) == (
        "stranger.landsat",
    )
    monkeypatch.setattr(stage, "module_version", lambda name: f"new {name}")
    edited = fingerprints(survey_over(catalog, store=store, sources={"landsat": {}}))
    for name in ("catalog", "cube"):
        assert len({plain[name], with_it[name], changed[name], edited[name]}) == 4


def test_an_image_of_another_shape_is_refused(catalog: Path, tmp_path: Path) -> None:
    survey = survey_over(catalog)
    source: type[Source[Section]] = SOURCES["sentinel2"]

    class Wrong(source):  # type: ignore[misc, valid-type]
        def compose(self, scenes: Any) -> np.ndarray:
            return super().compose(scenes)[1:]  # type: ignore[no-any-return]

    grid = survey_grid(survey)
    composer = Composer(
        (Wrong(survey.sources["sentinel2"]),), survey.seasons, grid, frozen(survey),
        scenes_of(survey, "sentinel2", "summer").reader,
    )  # fmt: skip
    with pytest.raises(MinecoverError, match=r"source sentinel2: .*are 11 of shape \(64, 64\)"):
        composer.compose(grid.window(grid.tiles[0]))

"""The command line as a person meets it: what it prints, how it ends, what it leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import jsonschema
import pytest
import yaml

from conftest import tree  # type: ignore[import-not-found]
from minecover.demo.district import District
from services.forked_minecover import forked_minecover

pytestmark = pytest.mark.integration

COMMAND = "import sys; from minecover.commands.app import main; sys.argv[0] = 'minecover'; main()"

VARIABLES = {"COLUMNS": "100", "NO_COLOR": "1"}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


Minecover = Callable[..., Ended]
Document = dict[str, Any]


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    with forked_minecover(**VARIABLES) as place:
        yield place


@pytest.fixture
def minecover(program: Path, tmp_path: Path) -> Minecover:
    """Run a command in a folder of its own."""

    def run(*arguments: str) -> Ended:
        ran = subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True)
        return Ended(ran.returncode, ran.stdout, ran.stderr)

    return run


@pytest.fixture
def document(district: District) -> Document:
    """The district's survey file as a mapping, in four tiles, for one process."""
    survey: Document = yaml.safe_load(district.survey.read_text())
    survey["area"] = {"path": str(district.area)}
    survey["catalog"]["url"] = str(district.catalog)
    survey["samples"] |= {"path": str(district.samples), "folds": 3}
    survey["grid"]["tile"] = 64
    survey["engine"] = {"tiles": "local", "prediction": "local", "training": "local"}
    survey["model"] = {"kind": "rf"}
    return survey


def written(document: Document, folder: Path) -> str:
    path = folder / "survey.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return str(path)


def assert_refused(ended: Ended, *names: str) -> None:
    """One message, naming what, where and how to mend it; no traceback; exit code 2."""
    assert ended.code == 2, ended
    assert ended.stderr.startswith("minecover: "), ended.stderr
    assert ended.stderr.count("minecover: ") == 1
    assert "Traceback" not in ended.stderr + ended.stdout
    for name in names:
        assert name in ended.stderr, ended.stderr


def other_catalog(document: Document, folder: Path) -> Path:
    """Give the survey a copy of its catalog to damage; return an item of it."""
    source = Path(document["catalog"]["url"]).parent
    shutil.copytree(source, folder / "catalog")
    document["catalog"]["url"] = str(folder / "catalog" / "catalog.json")
    items = (folder / "catalog" / "sentinel-2-l2a").glob("*_T49SGE_*/*.json")
    return min(items)


def unknown_key(document: Document, folder: Path) -> None:
    document["grid"]["resolutoin"] = 20


def inverted_bbox(document: Document, folder: Path) -> None:
    document["area"] = {"bbox": [114.0, 39.0, 113.0, 40.0]}


def no_polygon(document: Document, folder: Path) -> None:
    path = folder / "area.geojson"
    gpd.GeoDataFrame(geometry=gpd.points_from_xy([113.0], [39.5]), crs=4326).to_file(path)
    document["area"] = {"path": str(path)}


def area_elsewhere(document: Document, folder: Path) -> None:
    document["area"] = {"bbox": [16.28, 50.93, 16.30, 50.94]}
    document["grid"]["crs"] = "utm"


def season_without_items(document: Document, folder: Path) -> None:
    document["seasons"]["drought"] = ["2019-06-01/2019-08-31"]


def one_class(document: Document, folder: Path) -> None:
    points = gpd.read_file(document["samples"]["path"])
    keep_points(document, folder, points[points["class"] == points["class"].iloc[0]])


def two_of_a_class(document: Document, folder: Path) -> None:
    points = gpd.read_file(document["samples"]["path"])
    water = points.index[points["class"] == "water"]
    keep_points(document, folder, points.drop(water[2:]))


def keep_points(document: Document, folder: Path, points: gpd.GeoDataFrame) -> None:
    points.to_file(folder / "points.gpkg")
    document["samples"]["path"] = str(folder / "points.gpkg")


def unreadable_points(document: Document, folder: Path) -> None:
    document["samples"]["path"] = str(folder / "no-such.gpkg")


def asset_not_listed(document: Document, folder: Path) -> None:
    """One item without a band is left out and named; of a season there must be one that has all."""
    for path in other_catalog(document, folder).parents[1].rglob("S2*.json"):
        item = json.loads(path.read_text())
        del item["assets"]["B04"]
        path.write_text(json.dumps(item))


def asset_not_there(document: Document, folder: Path) -> None:
    (other_catalog(document, folder).parent / "B04.tif").unlink()


def degrees(document: Document, folder: Path) -> None:
    document["grid"]["crs"] = "EPSG:4326"


def unknown_crs(document: Document, folder: Path) -> None:
    document["grid"]["crs"] = "EPSG:99999"


def points_in_another_crs(document: Document, folder: Path) -> None:
    points = gpd.read_file(document["samples"]["path"])
    path = folder / "points.csv"
    points.assign(x=points.geometry.x, y=points.geometry.y)[["x", "y", "class"]].to_csv(path)
    document["samples"] |= {"path": str(path), "crs": "EPSG:32649"}


def no_catalog(document: Document, folder: Path) -> None:
    document["catalog"]["url"] = str(folder / "nowhere.json")


MISTAKES = [
    (unknown_key, "run", ["grid.resolutoin", "unknown; is it resolution?"]),
    (inverted_bbox, "run", ["area", "empty", "left, bottom, right, top"]),
    (no_polygon, "run", ["area.path", "area.geojson", "holds no polygon"]),
    (area_elsewhere, "catalog", ["area", "outside of the catalog", "2-l2a", "change `area`"]),
    (season_without_items, "run", ["seasons.drought", "2019-06-01", "change the date ranges"]),
    (one_class, "run", ["samples.path", "one class", "add points of the others"]),
    (two_of_a_class, "run", ["samples.folds (3)", "water 2", "add points"]),
    (unreadable_points, "run", ["samples.path", "no-such.gpkg"]),
    (asset_not_listed, "run", ["S2", "B04", "sources.sentinel2.assets"]),
    (asset_not_there, "run", ["S2", "B04.tif", "fetch it again"]),
    (degrees, "run", ["grid.crs", "EPSG:4326", "UTM zone"]),
    (unknown_crs, "run", ["grid.crs", "EPSG:99999", "EPSG:32649"]),
    (points_in_another_crs, "run", ["no point", "points.csv", "samples.crs"]),
    (no_catalog, "run", ["catalog", "nowhere.json"]),
]


@pytest.mark.parametrize(
    ("mistake", "command", "names"), MISTAKES, ids=[case[0].__name__ for case in MISTAKES]
)
def test_a_mistake_is_told_and_leaves_no_trace(
    minecover: Minecover,
    document: Document,
    tmp_path: Path,
    mistake: Callable[[Document, Path], None],
    command: str,
    names: list[str],
) -> None:
    mistake(document, tmp_path)
    path = written(document, tmp_path)
    for name in ("check", command):
        assert_refused(minecover(name, path), *names)
        # a local disk keeps empty folders, which a store does not know
        assert not any(path.is_file() for path in (tmp_path / "store").rglob("*"))


def test_a_mended_area_may_use_the_same_store(
    minecover: Minecover, document: Document, tmp_path: Path
) -> None:
    elsewhere = {**document, "grid": dict(document["grid"])}
    area_elsewhere(elsewhere, tmp_path)
    assert minecover("catalog", written(elsewhere, tmp_path)).code == 2
    ended = minecover("catalog", written(document, tmp_path))
    assert ended.code == 0, ended.stderr
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [(None, "cannot read"), ("name: [", "not a YAML"), ("a list", "mapping of sections")],
)
def test_a_file_that_is_no_survey(
    minecover: Minecover, tmp_path: Path, text: str | None, name: str
) -> None:
    if text is not None:
        (tmp_path / "survey.yaml").write_text(text)
    assert_refused(minecover("run", "survey.yaml"), "survey.yaml", name)


def test_the_store_of_another_survey(
    minecover: Minecover, document: Document, tmp_path: Path
) -> None:
    assert minecover("catalog", written(document, tmp_path)).code == 0
    before = tree(tmp_path / "store")
    path = written({**document, "name": "another"}, tmp_path)
    assert_refused(minecover("run", path), "simulated-district", "--store")
    assert tree(tmp_path / "store") == before


def test_a_folder_of_something_else(
    minecover: Minecover, document: Document, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    path = written(document, tmp_path)
    assert_refused(minecover("run", path, "--store", "thesis"), "thesis", "give an empty folder")
    assert list(tree(tmp_path / "thesis")) == ["chapter.txt"]


def test_a_truncated_raster_is_named_and_its_tiles_are_not_written(
    minecover: Minecover, document: Document, tmp_path: Path
) -> None:
    broken = other_catalog(document, tmp_path).parent / "B04.tif"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 3])
    path = written(document, tmp_path)
    ended = minecover("cube", path)
    assert_refused(ended, "B04", broken.parent.name, "run the same command again", "bad_tiles")
    ledger = tmp_path / "store" / "ledger" / "cube"
    done, failed = list(ledger.glob("*/done/*.json")), list(ledger.glob("*/failed/*.json"))
    shards = [f for f in (tmp_path / "store/cube.zarr/reflectance/c").rglob("*") if f.is_file()]
    assert len(shards) == len(done)
    assert len(failed) == 4 - len(done) > 0
    broken.write_bytes(whole)
    assert minecover("cube", path).code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "minecover-test", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(
    minecover: Minecover, document: Document, tmp_path: Path, small_disk: Path
) -> None:
    path, store = written(document, tmp_path), small_disk / "store"
    assert_refused(minecover("cube", path, "--store", str(store)), str(store), "full", "make room")
    marks = list((store / "ledger/cube").glob("*/done/*.json"))
    shards = [f for f in (store / "cube.zarr/reflectance/c").rglob("*") if f.is_file()]
    assert len(marks) <= len(shards) < 4
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    ended = minecover("cube", path, "--store", str(store))
    assert ended.code == 0, ended.stderr
    fresh = tmp_path / "fresh"
    assert minecover("cube", path, "--store", str(fresh)).code == 0
    assert tree(store / "cube.zarr") == tree(fresh / "cube.zarr")


def test_check_tells_what_is_well_and_writes_nothing(
    minecover: Minecover, document: Document, tmp_path: Path
) -> None:
    ended = minecover("check", written(document, tmp_path))
    assert ended.code == 0, ended.stderr
    for name in ("area: 1.6 km²", "4 tiles", "sentinel2: items spring", "points usable"):
        assert name in ended.stdout
    assert ended.stderr == ""
    assert not (tmp_path / "store").exists()


def test_init_writes_a_survey_once(minecover: Minecover, tmp_path: Path) -> None:
    ended = minecover("init")
    assert ended.code == 0
    assert "survey.yaml" in ended.stdout
    text = (tmp_path / "survey.yaml").read_text()
    assert_refused(minecover("init", "survey.yaml"), "survey.yaml", "give another name")
    assert (tmp_path / "survey.yaml").read_text() == text


def test_the_schema_knows_the_template_and_refuses_other_keys(
    minecover: Minecover, tmp_path: Path
) -> None:
    schema = json.loads(minecover("schema").stdout)
    assert minecover("init").code == 0
    template = yaml.safe_load((tmp_path / "survey.yaml").read_text())
    jsonschema.validate(template, schema)
    with pytest.raises(jsonschema.ValidationError, match="unknown"):
        jsonschema.validate({**template, "unknown": 1}, schema)


def test_the_command_itself(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=os.environ | VARIABLES,
        )

    told = run("--help")
    assert told.returncode == 0
    for name in ("run", "status", "retry", "tile", "check", "init", "schema", "demo", "publish"):
        assert f" {name} " in told.stdout
    ended = run("check", "no-such.yaml")
    assert_refused(Ended(ended.returncode, ended.stdout, ended.stderr), "no-such.yaml")
    assert run("mend").returncode == 2

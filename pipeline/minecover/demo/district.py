"""The simulated district as a folder: catalog, samples, truth, area and survey file."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pystac
import yaml
from shapely import to_geojson

from minecover.demo.calendar import SEASONS
from minecover.demo.campaign import campaign
from minecover.demo.frame import Frame
from minecover.demo.landscape import draw_landscape
from minecover.demo.materials import CLASSES, Land
from minecover.demo.publish import COLLECTIONS, write_catalog, write_item
from minecover.demo.raster import write_cog
from minecover.demo.samples import draw_samples, write_samples
from minecover.errors import SurveyError

__all__ = ["District", "build_district", "survey_text"]


@dataclass(frozen=True)
class District:
    """Files of a simulated district.

    Attributes
    ----------
    catalog
        Static STAC catalog.
    samples
        GeoPackage of points with the column ``class``, EPSG:4326.
    truth
        COG of the class codes 1 to 6, 10 m, EPSG:32649.
    survey
        Survey file that maps the district.
    area
        GeoJSON of its outline, EPSG:4326.
    """

    catalog: Path
    samples: Path
    truth: Path
    survey: Path
    area: Path


def build_district(
    folder: Path, *, size: int = 512, seed: int = 0, points_scale: float = 1.0
) -> District:
    """Simulate an open-pit mining district and publish it as data providers would.

    Everything is random with `seed`: the same arguments write the same bytes.

    Parameters
    ----------
    folder
        Where to write; created if needed. Files of an earlier district are overwritten.
    size
        Side of the district, pixels of 10 m: a multiple of 4, at least 96.
    seed
        Seed of all random numbers, 0 or more.
    points_scale
        Factor on the number of reference points, 2,870 for 512 pixels, in proportion to the area.

    Returns
    -------
    District
        What was written.

    Raises
    ------
    SurveyError
        The size is not possible, a class does not occur in the district, or the folder is not
        writable; nothing is written.
    """
    frame = Frame(size)
    folder = folder.resolve()
    _check_writable(folder)
    district = District(
        catalog=folder / "catalog" / "catalog.json",
        samples=folder / "samples.gpkg",
        truth=folder / "truth.tif",
        survey=folder / "survey.yaml",
        area=folder / "area.geojson",
    )
    scene = draw_landscape(frame, seed)
    truth, grid = scene.truth(), frame.district_grid
    points = draw_samples(truth, grid, seed, points_scale)
    folder.mkdir(parents=True, exist_ok=True)
    write_cog(district.truth, truth, grid, nodata=0, overviews="mode")
    write_samples(points, district.samples)
    district.area.write_text(_feature(frame), encoding="utf-8")

    items: dict[str, list[pystac.Item]] = {name: [] for name in COLLECTIONS}
    for shot in campaign(scene, seed):
        items[shot.collection].append(write_item(district.catalog.parent, shot))
    write_catalog(district.catalog.parent, items)
    district.survey.write_text(survey_text(district), encoding="utf-8")
    return district


def _check_writable(folder: Path) -> None:
    """Refuse a folder that is not writable, before the slow part begins."""
    try:
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise SurveyError(
            f"{folder}: cannot write there: {error.strerror}; give another folder, or make this "
            "one writable"
        ) from error


def _feature(frame: Frame) -> str:
    outline = json.loads(to_geojson(frame.area()))
    feature = {
        "type": "Feature",
        "properties": {"name": "simulated district"},
        "geometry": outline,
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}, indent=1)


def survey_text(district: District) -> str:
    """Compose the survey file of a district, with paths relative to it.

    Parameters
    ----------
    district
        The files that the survey reads.

    Returns
    -------
    str
        YAML.
    """
    home = district.survey.parent

    def relative(path: Path) -> str:
        return path.relative_to(home).as_posix()

    survey = {
        "name": "simulated-district",
        "area": {"path": relative(district.area)},
        "grid": {"crs": "EPSG:32649", "resolution": 10, "tile": 128},
        "seasons": {name: [dates] for name, dates in SEASONS.items()},
        "catalog": {"url": relative(district.catalog)},
        "sources": {
            "sentinel2": {"collection": "sentinel-2-l2a"},
            "sentinel1": {"collection": "sentinel-1-rtc"},
            "terrain": {"collection": "nasadem"},
            "night_lights": {"collection": "luojia-1"},
        },
        "classes": [
            {"code": int(land), "name": name, "colour": colour}
            | ({"mine": True} if land is Land.MINING else {})
            for land, (name, colour) in CLASSES.items()
        ],
        "features": {"fill": "year"},
        "samples": {"path": relative(district.samples), "column": "class", "block": 320},
        "model": {"kind": "resnet50", "window": 9, "width": 0.5, "epochs": 10},
        "store": "store",
    }
    heading = "# A simulated open-pit mining district: no such place exists.\n"
    return heading + yaml.safe_dump(survey, sort_keys=False)

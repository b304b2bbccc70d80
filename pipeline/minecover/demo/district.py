"""The simulated district as a folder: catalog, samples, truth, area and survey file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pystac
import yaml
from shapely import to_geojson

from minecover.demo.calendar import YEAR, Year
from minecover.demo.campaign import campaign, still_images
from minecover.demo.chronicle import (
    LEAST_HECTARES,
    LEAST_SHARE,
    REACH,
    Chronicle,
    write_chronicle,
)
from minecover.demo.frame import RESOLUTION, Frame
from minecover.demo.history import History
from minecover.demo.landscape import draw_landscape
from minecover.demo.licences import draw_licences, licence_table
from minecover.demo.materials import CLASSES, Land
from minecover.demo.publish import COLLECTIONS, Shot, write_catalog, write_item
from minecover.demo.raster import write_cog
from minecover.demo.samples import draw_history_samples, draw_samples, write_layer
from minecover.demo.scene import Scene
from minecover.demo.spectra import Variation
from minecover.demo.years import draw_years
from minecover.errors import SurveyError

__all__ = ["District", "build_district", "survey_text"]

LEAST_PROBABILITY = 0.75
"""On the mean, of the pixels of a mine on the map."""

STEPS, LARGE = 2400, 384
"""Of the network that reads all periods, in a district of so many pixels a side; in smaller ones it
sees all ground as often in fewer."""

#: What a person who knows such districts would say that land does not turn into at once.
NEVER: dict[Land, tuple[Land, ...]] = {
    Land.FOREST_GRASS: (Land.WATER, Land.BARE_LAND, Land.RESTORED),
    Land.WATER: (Land.FOREST_GRASS, Land.BARE_LAND, Land.MINING, Land.RESTORED),
    Land.BUILT_UP: (Land.FOREST_GRASS, Land.WATER, Land.BARE_LAND, Land.RESTORED),
    Land.BARE_LAND: (Land.FOREST_GRASS, Land.WATER, Land.RESTORED),
    Land.MINING: (Land.FOREST_GRASS, Land.BARE_LAND),
    Land.RESTORED: (Land.FOREST_GRASS, Land.WATER, Land.BARE_LAND),
}


@dataclass(frozen=True)
class District:
    """Files of a simulated district.

    Attributes
    ----------
    catalog
        Static STAC catalog.
    samples
        GeoPackage of points with the column ``class``, and ``period`` and ``date`` where it has a
        history; EPSG:4326.
    truth
        COG of the class codes 1 to 6, 10 m, EPSG:32649; a band for each period.
    survey
        Survey file that maps the district.
    area
        GeoJSON of its outline, EPSG:4326.
    licences
        GeoPackage of the mines' licences, EPSG:32649, where it has a history.
    history
        Folder of what is true beside the classes, described in its ``README.md``, where it has a
        history.
    """

    catalog: Path
    samples: Path
    truth: Path
    survey: Path
    area: Path
    licences: Path | None = None
    history: Path | None = None


def build_district(
    folder: Path,
    *,
    size: int = 512,
    seed: int = 0,
    points_scale: float = 1.0,
    periods: int | None = None,
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
        Factor on the number of reference points, 2,870 for 512 pixels, in proportion to the area;
        with a history half as many for every period that has any.
    periods
        Number of periods of its history, 2 to 9; None: one year without a history.

    Returns
    -------
    District
        What was written.

    Raises
    ------
    SurveyError
        The size or the number of periods is not possible, a class does not occur in the district,
        or the folder is not writable; nothing is written.
    """
    frame = Frame(size)
    years = [YEAR] if periods is None else draw_years(periods, seed)
    folder = folder.resolve()
    _check_writable(folder)
    district = District(
        catalog=folder / "catalog" / "catalog.json",
        samples=folder / "samples.gpkg",
        truth=folder / "truth.tif",
        survey=folder / "survey.yaml",
        area=folder / "area.geojson",
    )
    if periods is None:
        scene = draw_landscape(frame, seed)
        truth = scene.truth()
        points = draw_samples(truth, frame.district_grid, seed, points_scale)
        _write_inputs(district, frame, truth, points, ())
        _observe(district, lambda _: scene, years, seed)
    else:
        district = replace(district, licences=folder / "licences.gpkg", history=folder / "truth")
        history = History(frame, seed, years)
        _write_history(district, history, points_scale)
        _observe(district, history.scene, years, seed)
    district.survey.write_text(survey_text(district, years, size), encoding="utf-8")
    return district


def _write_history(district: District, history: History, points_scale: float) -> None:
    """Write what is true of a history, and what its survey reads beside the catalog."""
    frame, years = history.frame, history.years
    truth, grid = history.truth(), frame.district_grid
    points = draw_history_samples(truth, grid, history.seed, points_scale / 2, years)
    licences = draw_licences(history)
    _write_inputs(district, frame, truth, points, [year.name for year in years])
    if district.licences is not None and district.history is not None:
        table = licence_table(licences, grid, int(years[0].name))
        write_layer(table, district.licences, "licences")
        write_chronicle(Chronicle(history, licences, truth), district.history)


def _write_inputs(
    district: District,
    frame: Frame,
    truth: npt.NDArray[np.uint8],
    points: gpd.GeoDataFrame,
    names: Sequence[str],
) -> None:
    district.truth.parent.mkdir(parents=True, exist_ok=True)
    grid = frame.district_grid
    write_cog(district.truth, truth, grid, nodata=0, overviews="mode", names=names)
    write_layer(points, district.samples, "samples")
    district.area.write_text(_feature(frame), encoding="utf-8")


def _observe(
    district: District, scene_of: Callable[[Year], Scene], years: list[Year], seed: int
) -> None:
    """Publish the images of all years; what is observed once is observed in the first."""
    items: dict[str, list[pystac.Item]] = {name: [] for name in COLLECTIONS}
    variation: Variation | None = None
    for year in years:
        scene = scene_of(year)
        shots: Iterable[Shot] = still_images(scene, seed) if year is years[0] else ()
        variation = variation or Variation.draw(scene, seed)
        in_year = variation if len(years) == 1 else variation.in_year(year, seed)
        for shot in chain(campaign(scene, in_year, year, seed), shots):
            items[shot.collection].append(write_item(district.catalog.parent, shot))
    write_catalog(district.catalog.parent, items)


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


def survey_text(district: District, years: Sequence[Year], size: int) -> str:
    """Compose the survey file of a district, with paths relative to it.

    Parameters
    ----------
    district
        The files that the survey reads.
    years
        Its periods, or the one year.
    size
        Side of the district in pixels.

    Returns
    -------
    str
        YAML.
    """
    home = district.survey.parent

    def relative(path: Path) -> str:
        return path.relative_to(home).as_posix()

    seasons = [{name: [dates] for name, dates in year.seasons.items()} for year in years]
    periods = {year.name: {"seasons": own} for year, own in zip(years, seasons, strict=True)}
    survey = {
        "name": "simulated-district",
        "area": {"path": relative(district.area)},
        "grid": {"crs": "EPSG:32649", "resolution": 10, "tile": 128},
        **({"seasons": seasons[0]} if district.licences is None else {"periods": periods}),
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
        **({} if district.licences is None else _history(relative(district.licences), size)),
        "store": "store",
    }
    heading = "# A simulated open-pit mining district: no such place exists.\n"
    return heading + yaml.safe_dump(survey, sort_keys=False)


def _history(licences: str, size: int) -> dict[str, Any]:
    """Say in a survey how periods are combined, and what mines are held against."""
    columns = {"name": "licence", "granted": "granted", "expires": "expires"}
    never = {
        f"{CLASSES[before][0]} -> {CLASSES[after][0]}": 0.0
        for before, others in NEVER.items()
        for after in others
    }
    steps = round(STEPS * min(1.0, max(0.25, (size / LARGE) ** 2)))
    return {
        "prediction": {"smoothing": 5, "borders": 11},
        "change": {
            "persistence": 0.95, "transitions": never, "learn": True, "weight": 0.9,
            "network": {"steps": steps},
        },
        "mines": {
            "min_area_ha": LEAST_HECTARES, "join_m": RESOLUTION * REACH,
            "least_share": LEAST_SHARE, "least_probability": LEAST_PROBABILITY,
            "restored": [CLASSES[Land.RESTORED][0]],
            "reference": [CLASSES[Land.FOREST_GRASS][0]],
        },
        "registers": {"licences": {"path": licences, **columns}},
    }  # fmt: skip

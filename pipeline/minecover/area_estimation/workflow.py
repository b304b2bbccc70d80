"""Points to label, drawn from the finished map, and what their labels say about the ground."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.area_estimation.design import (
    Design,
    allocate,
    count_pixels,
    draw,
    sample_size,
    write_design,
)
from minecover.area_estimation.estimators import AreaEstimates, area_estimates, probability_sample
from minecover.area_estimation.labelled_points import labels_of, read_points, same_points
from minecover.area_estimation.qgis_style import write_design_style
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Window
from minecover.geography.ground_area import SQUARE_METRES, Surface
from minecover.workflow.stage import Workspace

__all__ = ["DesignWish", "draw_design", "estimate_areas"]

Codes = npt.NDArray[np.uint8]
Json = dict[str, Any]

DOCUMENT = "products/design.json"
POINTS = "products/design.gpkg"
STYLE = "products/design.qml"


@dataclass(frozen=True)
class DesignWish:
    """What a person wants of a sampling design.

    Attributes
    ----------
    standard_error
        Of the overall accuracy, as a share.
    minimum
        Points of the rarest class.
    expected
        User's accuracy of classes that the assessment has none of, 0 to 1; None: it has all.
    seed
        The same seed draws the same points from the same map.
    """

    standard_error: float
    minimum: int = 50
    expected: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.minimum < 2:
            raise SurveyError(f"--minimum: {self.minimum}; a variance needs 2 points of a class")
        if self.expected is not None and not 0 < self.expected < 1:
            raise SurveyError(f"--expected: {self.expected}; give a share, as 0.85")


def draw_design(run: Workspace, wish: DesignWish) -> Json:
    """Draw a stratified random sample of the map and write it for QGIS.

    Strata are the classes of the map. How many points: Olofsson et al. 2014 eq. 13 (Cochran 1977
    eq. 5.25) for the standard error of the overall accuracy; a class whose proportional part is
    below the minimum gets the minimum. Writes `products/design.gpkg` with an empty column
    `reference`, `products/design.qml`, which hides from the person who labels what the map says,
    and `products/design.json`, against which the labelled points are held.

    Returns
    -------
    What was written as JSON.

    Raises
    ------
    StoreError
        There is no map, or a design with labels in it lies where this one would go.
    SurveyError
        The wish cannot be met, or no user's accuracy is known of a class.
    """
    _spare_labels(run)
    pixels = count_pixels(_tiles(run))
    if not pixels:
        raise DataError(f"{run.store.url}/map.zarr: no pixel has a class; there is nothing to draw")
    expected = expected_accuracy(run, pixels, wish.expected)
    wanted = sample_size(pixels, expected, wish.standard_error)
    least = sum(min(wish.minimum, count) for count in pixels.values())
    allocation = allocate(pixels, min(max(wanted, least), sum(pixels.values())), wish.minimum)
    design = draw(_tiles(run), allocation, width=run.grid.shape[1], seed=wish.seed)
    document = _document(run, wish, design, allocation, expected)
    names = {code: name for name, code in run.survey.class_codes.items()}
    # the document last: a design without one is no design
    with run.store.writing_file(POINTS) as path:
        write_design(path, design, run.grid, names)
    with run.store.writing_file(STYLE) as path:
        write_design_style(path, run.survey.classes)
    run.store.write_json(DOCUMENT, document)
    return document


def _spare_labels(run: Workspace) -> None:
    data = run.store.read(POINTS)
    if data is None:
        return
    labels = labels_of(read_points(data, POINTS), run.survey.class_codes)
    done = int((labels != "").sum())
    if done:
        raise StoreError(
            f"{run.store.url}/{POINTS}: {done} of its points are labelled; move it elsewhere "
            "(with design.json) before another design is drawn"
        )


def _tiles(run: Workspace) -> Iterator[tuple[Window, Codes]]:
    layers = run.store.layers("map.zarr")
    for tile in run.grid.tiles:
        window = run.grid.window(tile)
        codes = np.nan_to_num(layers.read(window, ["landuse"])[0]).astype(np.uint8)
        # tiles are mapped whole, the sample is one of the area
        yield window, np.where(run.grid.area_mask(window), codes, np.uint8(0))


def expected_accuracy(
    run: Workspace, pixels: Mapping[int, int], otherwise: float | None
) -> dict[int, float]:
    """User's accuracy to expect of each class on the map.

    From the test points of the spatial blocks, (right + 1) / (mapped + 2): a class that a few
    points all confirmed is not taken for perfect (Laplace's rule of succession).

    Parameters
    ----------
    run
        Whose `accuracy.json` is read.
    pixels
        Of each class on the map.
    otherwise
        Of a class that no test point was mapped as, or where nothing was assessed.

    Raises
    ------
    SurveyError
        Such a class, and nothing given for it.
    """
    accuracy = run.store.read_json("accuracy.json") or {"splits": {}}
    classes = accuracy["splits"].get("spatial_blocks", {"classes": {}})["classes"]
    expected = {}
    for name, code in run.survey.class_codes.items():
        known = classes.get(name, {"mapped": 0})
        if code in pixels and known["mapped"]:
            right = known["users_accuracy"] * known["mapped"]
            expected[code] = (right + 1) / (known["mapped"] + 2)
        elif code in pixels and otherwise is not None:
            expected[code] = otherwise
        elif code in pixels:
            raise SurveyError(
                f"design: no test point of the spatial blocks was mapped as {name}, so nothing is "
                "known of its user's accuracy; run `minecover assess`, or guess with --expected 0.8"
            )
    return expected


def _document(
    run: Workspace,
    wish: DesignWish,
    design: Design,
    allocation: Mapping[int, int],
    expected: Mapping[int, float],
) -> Json:
    total = sum(design.pixels.values())
    surface = Surface(run.grid)
    hectares = sum(
        int((codes > 0).sum()) * surface.pixel_hectares(window) for window, codes in _tiles(run)
    )
    strata = _strata(run, design, allocation, expected, hectares)
    variance = sum(
        (design.pixels[code] / total) ** 2 * expected[code] * (1 - expected[code]) / points
        for code, points in allocation.items()
    )
    names = {item["code"]: name for name, item in strata.items()}
    frame = design.frame
    return {
        "survey": run.survey.name,
        "standard_error": wish.standard_error,
        "expected_standard_error": math.sqrt(variance),
        "seed": wish.seed,
        "minimum": wish.minimum,
        "crs": run.grid.crs,
        "pixel_hectares": hectares / total,
        "strata": strata,
        "points": [
            {"id": number, "row": int(row), "col": int(col), "stratum": names[int(code)]}
            for number, (row, col, code) in enumerate(
                zip(frame["row"], frame["col"], frame["code"], strict=True), start=1
            )
        ],
    }


def _strata(
    run: Workspace,
    design: Design,
    allocation: Mapping[int, int],
    expected: Mapping[int, float],
    hectares: float,
) -> Json:
    """Strata by class name; `hectares` of all of them."""
    total = sum(design.pixels.values())
    return {
        name: {
            "code": code,
            "pixels": design.pixels[code],
            "hectares": design.pixels[code] / total * hectares,
            "weight": design.pixels[code] / total,
            "expected_users_accuracy": round(expected[code], 4),
            "points": allocation[code],
        }
        for name, code in run.survey.class_codes.items()
        if code in allocation
    }


def estimate_areas(run: Workspace, points: Path) -> Json:
    """Estimate accuracy and areas from the labelled design; writes `products/areas.json`.

    Where the map was made anew since the design was drawn, its classes at the points are assessed
    and the design's strata stay what they were (Stehman 2014).

    Parameters
    ----------
    run
        The survey.
    points
        The design with its column `reference` filled in: class names or codes.

    Returns
    -------
    What was written as JSON.

    Raises
    ------
    DataError
        The points are no probability sample of this design, with the reason, or lack labels.
    StoreError
        No design was drawn.
    """
    document = run.store.read_json(DOCUMENT)
    if document is None:
        raise StoreError(f"{run.store.url}/{DOCUMENT}: no design was drawn; run `minecover design`")
    if points.resolve() == Path(run.survey.samples.path).resolve():
        raise DataError(
            f"{points}: these are the survey's training samples. They were chosen by hand, so no "
            "pixel has a known chance of being among them, and the map was fitted to them: they "
            "say nothing sure about areas. Label points drawn by `minecover design`"
        )
    try:
        data = points.read_bytes()
    except OSError as error:
        raise DataError(f"{points}: cannot be read: {error.strerror}") from error
    codes = run.survey.class_codes
    table = read_points(data, str(points))
    if "reference" in table.columns:
        table = table.assign(reference=labels_of(table, codes))
    probability_sample(table, str(points))
    table = same_points(table, document, run.grid, str(points))
    result = area_estimates(
        table["stratum"].tolist(),
        _mapped(run, table),
        table["reference"].tolist(),
        pixels={name: item["pixels"] for name, item in document["strata"].items()},
        names=tuple(codes),
        pixel_area=document["pixel_hectares"] * SQUARE_METRES,
    )
    written = _areas_document(result, document, table)
    run.store.write_json("products/areas.json", written)
    return written


def _mapped(run: Workspace, table: pd.DataFrame) -> list[str]:
    """Class of the map at each point."""
    names = {code: name for name, code in run.survey.class_codes.items()}
    layers = run.store.layers("map.zarr")
    mapped = []
    for number, row, col in zip(table["id"], table["row"], table["col"], strict=True):
        value = layers.read(Window(row, row + 1, col, col + 1), ["landuse"])[0, 0, 0]
        if not np.isfinite(value):
            raise DataError(
                f"map.zarr: no class at point {number}; the map changed since the design was drawn "
                "and no longer covers it: draw another design"
            )
        mapped.append(names[int(value)])
    return mapped


def _areas_document(result: AreaEstimates, design: Json, table: gpd.GeoDataFrame) -> Json:
    counted = table.groupby("reference").size().to_dict()
    return {
        **result.to_dict(),
        "classes": list(result.names),
        "mapped_ha": {
            name: design["strata"].get(name, {"hectares": 0.0})["hectares"] for name in result.names
        },
        "labelled": {name: int(counted.get(name, 0)) for name in result.names},
        "design": {key: design[key] for key in ("seed", "standard_error", "strata")},
        "method": (
            "stratified random sample; estimators of Stehman 2014 (10.1080/01431161.2014.930207), "
            "which are those of Olofsson et al. 2014 (10.1016/j.rse.2014.02.015) where the strata "
            "are the map's classes; intervals of 95 %"
        ),
    }

"""Points to label, drawn from the finished map, and areas estimated from their labels."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from minecover.area_estimation.change import LabelledPeriods, change_estimates, estimates_within
from minecover.area_estimation.design import (
    Design,
    allocate,
    allocate_change,
    count_pixels,
    draw,
    sample_size,
    write_design,
)
from minecover.area_estimation.documents import (
    areas_document,
    change_document,
    change_table,
    design_document,
)
from minecover.area_estimation.estimators import area_estimates, probability_sample
from minecover.area_estimation.labelled_points import (
    OF_PERIOD,
    REFERENCE,
    read_points,
    refuse_training_points,
    same_points,
)
from minecover.area_estimation.parcels import beyond_licences, parcel_pixels, parcels_at
from minecover.area_estimation.qgis_style import write_design_style
from minecover.area_estimation.strata import joined_pixels, joined_tiles
from minecover.area_estimation.subject import Subject
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.ground_area import SQUARE_METRES, Surface
from minecover.land_register.parcels import OUTSIDE
from minecover.stages.registry import map_stage
from minecover.storage.canonical_json import Json
from minecover.storage.names import (
    ACCURACY_FILE,
    AREAS_FILE,
    DESIGN_FILE,
    MAP_RASTER,
    PRODUCTS_FOLDER,
)
from minecover.workflow.stage import Workspace

__all__ = ["DesignOptions", "draw_design", "estimate_areas"]

POINTS = f"{PRODUCTS_FOLDER}design.gpkg"
STYLE = f"{PRODUCTS_FOLDER}design.qml"
CHANGES = f"{PRODUCTS_FOLDER}areas_of_change.csv"


@dataclass(frozen=True)
class DesignOptions:
    """How precise a sampling design is to be.

    Attributes
    ----------
    standard_error
        Of the overall accuracy, as a share.
    minimum
        Points of every class at least.
    expected
        User's accuracy of classes of which the assessment has none, 0 to 1; None: it has all.
    seed
        The same seed draws the same points from the same map.
    periods
        Of which maps: one, or several to be compared; none: the first and the last, where the
        survey has periods.
    """

    standard_error: float
    minimum: int = 50
    expected: float | None = None
    seed: int = 0
    periods: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.minimum < 2:
            raise SurveyError(f"--minimum: {self.minimum}; a variance needs 2 points of a class")
        if self.expected is not None and not 0 < self.expected < 1:
            raise SurveyError(f"--expected: {self.expected}; give a share, as 0.85")


def draw_design(workspace: Workspace, options: DesignOptions) -> Json:
    """Draw a stratified random sample of the map and write it for QGIS.

    Strata are the classes of the map, or, of several periods, its transitions from the first to the
    last and what stayed although the readings differ (`strata`). How many points: Olofsson et al.
    2014 eq. 13 (Cochran 1977 eq. 5.25) for the standard error of the overall accuracy; a class
    whose proportional part is below the minimum gets the minimum. Of change the minima come on
    top: what was missed lies in the large strata (`allocate_change`). Writes `products/design.gpkg`
    with an empty column `reference`, or `class_PERIOD` for each period, `products/design.qml`,
    which hides the classes of the map from the person who labels, and `products/design.json`, with
    which the labelled points are compared.

    Returns
    -------
    What was written as JSON.

    Raises
    ------
    StoreError
        There is no map, or the store holds a design with labels, which would be overwritten.
    SurveyError
        The options cannot be met, or no user's accuracy is known of a class.
    """
    subject = Subject.of(workspace, options.periods)
    _refuse_to_overwrite_labels(workspace)
    counted = count_pixels(subject.tiles())
    if not counted:
        raise DataError(
            f"{workspace.store.url}/{MAP_RASTER}: no pixel has a class; there is nothing to draw"
        )
    joined = subject.joined(counted, options.minimum)
    pixels = joined_pixels(counted, joined)
    users = expected_accuracy(workspace, subject.classes_in(pixels), options.expected)
    expected = subject.expected(users)
    allocation = _allocation(pixels, expected, options, subject.is_change)
    tiles = joined_tiles(subject.tiles(), joined)
    design = draw(tiles, allocation, width=workspace.grid.shape[1], seed=options.seed)
    codes = {name: code for code, name in subject.names.items()}
    document = {
        "survey": workspace.survey.name,
        "standard_error": options.standard_error,
        "seed": options.seed,
        "minimum": options.minimum,
        "crs": workspace.grid.crs,
        **({"periods": list(subject.periods)} if subject.periods != ("",) else {}),
        **design_document(
            design, allocation, expected, codes, _mapped_hectares(workspace, subject)
        ),
    }
    _write(workspace, subject, design, document)
    return document


def _refuse_to_overwrite_labels(workspace: Workspace) -> None:
    data = workspace.store.read(POINTS)
    if data is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(POINTS).name
        path.write_bytes(data)
        table = read_points(path, workspace.survey.class_codes, None)
    given = [name for name in table.columns if name == REFERENCE or name.startswith(OF_PERIOD)]
    done = int((table[given].fillna("") != "").any(axis=1).sum())
    if done:
        raise StoreError(
            f"{workspace.store.url}/{POINTS}: {done} of its points are labelled; move it elsewhere "
            "(with design.json) before another design is drawn"
        )


def _allocation(
    pixels: Mapping[int, int],
    expected: Mapping[int, float],
    options: DesignOptions,
    of_change: bool,
) -> dict[int, int]:
    """Points of each stratum: as many as the precision needs, but each its minimum."""
    if of_change:
        return allocate_change(pixels, expected, options.standard_error, options.minimum)
    needed, total = sample_size(pixels, expected, options.standard_error), sum(pixels.values())
    least = sum(min(options.minimum, count) for count in pixels.values())
    return allocate(pixels, min(max(needed, least), total), options.minimum)


def _mapped_hectares(workspace: Workspace, subject: Subject) -> float:
    surface = Surface(workspace.grid)
    return sum(
        np.count_nonzero(codes) * surface.pixel_hectares(window)
        for window, codes in subject.tiles()
    )


def _write(workspace: Workspace, subject: Subject, design: Design, document: Json) -> None:
    # the document last: a design without one is no design
    with workspace.store.writing_file(POINTS) as path:
        write_design(path, design, workspace.grid, subject.names, subject.columns)
    with workspace.store.writing_file(STYLE) as path:
        write_design_style(path, workspace.survey.classes, subject.columns)
    workspace.store.write_json(DESIGN_FILE, document)


def expected_accuracy(
    workspace: Workspace, mapped: Collection[int], otherwise: float | None
) -> dict[int, float]:
    """User's accuracy to expect of each class on the map.

    From the test points of the spatial blocks, (correct + 1) / (mapped + 2): a class that a few
    points all confirmed is not taken for perfect (Laplace's rule of succession).

    Parameters
    ----------
    workspace
        Whose `accuracy.json` is read.
    mapped
        Codes of the classes on the map.
    otherwise
        Of a class that no test point was mapped as, or where nothing was assessed.

    Raises
    ------
    SurveyError
        There is such a class, and `otherwise` is None.
    """
    accuracy = workspace.store.read_json(ACCURACY_FILE) or {"splits": {}}
    classes = accuracy["splits"].get("spatial_blocks", {"classes": {}})["classes"]
    expected = {}
    for name, code in workspace.survey.class_codes.items():
        known = classes.get(name, {"mapped": 0})
        if code in mapped and known["mapped"]:
            correct = known["users_accuracy"] * known["mapped"]
            expected[code] = (correct + 1) / (known["mapped"] + 2)
        elif code in mapped and otherwise is not None:
            expected[code] = otherwise
        elif code in mapped:
            raise SurveyError(
                f"design: no test point of the spatial blocks was mapped as {name}, so nothing is "
                "known of its user's accuracy; run `minecover assess`, or guess with --expected 0.8"
            )
    return expected


def estimate_areas(workspace: Workspace, points: Path) -> Json:
    """Estimate accuracy and areas from the labelled design; writes `products/areas.json`.

    Of a design of several periods also what was gained and lost between them, each transition, and
    all that by unit of the register: in the key `change`, and as `products/areas_of_change.csv`.
    What is said of the map is then of the latest of them.

    Where the map was made again since the design was drawn, its new classes at the points are
    assessed and the design's strata stay what they were (Stehman 2014).

    Parameters
    ----------
    workspace
        The survey.
    points
        The design with its columns of the true class filled in: class names or codes.

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
    design = workspace.store.read_json(DESIGN_FILE)
    if design is None:
        raise StoreError(
            f"{workspace.store.url}/{DESIGN_FILE}: no design was drawn; run `minecover design`"
        )
    subject = Subject.of(workspace, tuple(design.get("periods", ())))
    table = _labelled(subject, points, design)
    predicted = workspace.ledger.stage(map_stage(workspace.survey))
    document = {
        **(_of_change if subject.is_change else _of_map)(subject, table, design),
        "map": predicted["fingerprint"] if predicted else None,
    }
    if subject.is_change:
        with workspace.store.writing_file(CHANGES) as path:
            change_table(document["change"]).to_csv(path, index=False, lineterminator="\n")
    workspace.store.write_json(AREAS_FILE, document)
    return document


def _of_map(subject: Subject, table: pd.DataFrame, design: Json) -> dict[str, Json]:
    """Estimate from the design of one map."""
    [mapped] = subject.mapped(table).values()
    result = area_estimates(
        table["stratum"].tolist(),
        mapped,
        table[REFERENCE].tolist(),
        pixels={name: item["pixels"] for name, item in design["strata"].items()},
        names=tuple(subject.classes),
        pixel_area=design["pixel_hectares"] * SQUARE_METRES,
    )
    return areas_document(result, design, table[REFERENCE])


def _of_change(subject: Subject, table: pd.DataFrame, design: Json) -> dict[str, Json]:
    """Estimate from the design of several periods; the latest is what is said of the map."""
    mapped = subject.mapped(table)
    points = LabelledPeriods(
        strata=table["stratum"].tolist(),
        mapped=mapped,
        reference={
            period: table[column].tolist()
            for period, column in zip(subject.periods, subject.columns, strict=True)
        },
        pixels={name: item["pixels"] for name, item in design["strata"].items()},
        pixel_area=design["pixel_hectares"] * SQUARE_METRES,
        units=parcels_at(subject.workspace, table, "units") or {},
        unit_pixels=parcel_pixels(subject.workspace, subject.tiles(), "units"),
    )
    found = change_estimates(points, tuple(subject.classes))
    licences = parcels_at(subject.workspace, table, "licences")
    if licences is not None:
        none = ~np.any([np.zeros(len(table), dtype=bool), *licences.values()], axis=0)
        apart = replace(
            points,
            units={**licences, OUTSIDE: none},
            unit_pixels=parcel_pixels(subject.workspace, subject.tiles(), "licences"),
        )
        found["licences"] = change_estimates(apart, tuple(subject.classes))["units"]
        beyond = beyond_licences(subject.workspace, table, subject.periods)
        mines = [item.name for item in subject.workspace.survey.classes if item.mine]
        found["beyond"] = estimates_within(points, mines, beyond)
    pixels = count_pixels(subject.class_tiles(subject.periods[-1]))
    hectares = {name: pixels.get(code, 0) * design["pixel_hectares"]
                for name, code in subject.classes.items()}  # fmt: skip
    return change_document(found, design, points, hectares)


def _labelled(subject: Subject, points: Path, design: Json) -> pd.DataFrame:
    """Read the labelled points and check that they are those of the design."""
    workspace = subject.workspace
    if points.resolve() in {Path(path).resolve() for path in workspace.survey.samples.paths}:
        raise DataError(
            f"{points}: these are the survey's training samples. They were chosen by hand, so no "
            "pixel has a known chance of being among them, and the map was fitted to them: no "
            "area can be estimated from them. Label points drawn by `minecover design`"
        )
    its = workspace.survey
    table = read_points(points, its.class_codes, its.samples.encoding, subject.columns)
    refuse_training_points(table, str(points))
    probability_sample(table, str(points), subject.columns)
    checked: pd.DataFrame = same_points(table, design, workspace.grid, str(points))
    return checked

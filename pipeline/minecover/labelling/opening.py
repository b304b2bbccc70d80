"""Begin or open the labelling project of a survey, and what is shown of its points."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from minecover.area_estimation.labelled_points import REFERENCE, label_columns, read_points
from minecover.area_estimation.workflow import POINTS
from minecover.arrays import Int64Array
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Grid
from minecover.labelling.chips import open_chips
from minecover.labelling.project import Project, check_basemap, read_project
from minecover.labelling.session import Labelling
from minecover.samples.placing import place
from minecover.samples.settings import SampleSettings
from minecover.samples.validity import time_columns
from minecover.sources.manifest import Manifest
from minecover.sources.registry import SOURCES
from minecover.storage.identity import known_store, store_at
from minecover.storage.names import DESIGN_FILE, manifest_of
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["begin_labelling", "open_project"]

OF_DESIGN = {"id", "stratum", "pixels"}
"""Columns by which a design is known."""


def open_project(survey: Survey, folder: Path, points: Path | None, basemap: str | None) -> Project:
    """Open a labelling project, or begin it where there is none.

    Parameters
    ----------
    survey
        Whose classes are asked for.
    folder
        Of the project.
    points
        Points to label; None: those of the project, else of the survey's design.
    basemap
        Address of a map elsewhere that the project has from now on; None: as it was.

    Raises
    ------
    DataError
        The file holds no points.
    StoreError
        There are no points, or the design was drawn again since the project was begun.
    SurveyError
        The project was begun with other points, or the address is none.
    """
    found = read_project(folder)
    if found is None or points is not None or found.of_design:
        given = _given(survey, folder, points)
        if found is None and given is None:
            raise StoreError(
                f"{survey.store}/{POINTS}: no design was drawn, so there are no points to label; "
                "run `minecover design`, or name a file of points with --points"
            )
        if found is not None and given is not None and found.digest != given.digest:
            raise SurveyError(
                f"{folder}: this project was begun with other points, of {found.source}, than "
                f"those of {given.source}; give another folder with --project"
            )
        found = found or given
    assert found is not None
    wanted = basemap or found.basemap
    found = replace(found, basemap=check_basemap(wanted) if wanted else None)
    found.write()
    return found


def _given(survey: Survey, folder: Path, points: Path | None) -> Project | None:
    """Make a project of a file of points, or of the survey's design; None: there is none."""
    store = store_at(survey.store)
    if points is not None:
        return _project(survey, folder, points, str(points), store)
    data = None if store is None else store.read(POINTS)
    if store is None or data is None:
        return None
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / Path(POINTS).name
        path.write_bytes(data)
        return _project(survey, folder, path, f"{store.url}/{POINTS}", store)


def _project(survey: Survey, folder: Path, path: Path, source: str, store: Store | None) -> Project:
    its, periods = survey.samples, survey.period_names
    columns = (its.column, REFERENCE, *label_columns(periods))
    table = read_points(path, survey.class_codes, its.encoding, columns)
    table = table.drop(columns="fid", errors="ignore")
    kinds = shapely.get_type_id(np.asarray(table.geometry.array, dtype=object))
    if not len(table) or not (kinds == shapely.GeometryType.POINT).all():
        raise DataError(
            f"{source}: every feature must be one point, and there must be some; polygons, "
            "multipoints and empty ones cannot be shown"
        )
    if set(table.columns) >= OF_DESIGN:
        design = None if store is None else store.read_json(DESIGN_FILE)
        drawn = [] if design is None else design.get("periods", [])
        only = drawn[0] if len(drawn) == 1 else periods[-1]
        of_periods = dict(zip(label_columns(periods), periods, strict=True))
        asked = {name: of for name, of in of_periods.items() if name in table} or {REFERENCE: only}
        return Project(folder, table, asked, of_design=True, source=source)
    return _of_samples(folder, table, its, periods, source)


def _of_samples(
    folder: Path, table: gpd.GeoDataFrame, its: SampleSettings, periods: Sequence[str], source: str
) -> Project:
    """Make a project of points whose labels go where the survey's samples have them."""
    latest, asked = periods[-1], {its.column: ""}
    if periods == ("",):
        return Project(folder, table, asked, source=source)
    if its.period not in table and any(name in table for name in time_columns(its).values()):
        return Project(folder, table, {its.column: latest}, source=source)
    own = table[its.period].fillna("") if its.period in table else [""] * len(table)
    named = [str(name) or latest for name in own]
    strange = sorted(set(named) - set(periods))
    if strange:
        raise SurveyError(
            f"{source}: column {its.period} has {strange[0]!r}; the periods of the survey are: "
            f"{', '.join(periods)}"
        )
    return Project(folder, table.assign(**{its.period: named}), asked, its.period, source=source)


def begin_labelling(
    survey: Survey, project: Project, labeller: str, *, settle: bool = False
) -> Labelling:
    """Open what is shown of a project's points.

    Parameters
    ----------
    survey
        Whose cube is looked at.
    project
        Of this survey.
    labeller
        Who answers.
    settle
        Whether differences between labellers are decided.

    Raises
    ------
    StoreError
        The survey has no cube yet.
    SurveyError
        Points lie off its grid, the name of the labeller is none, or nothing is to be settled.
    """
    store, grid = known_store(survey.store), survey_grid(survey)
    chips = open_chips(store, tuple(survey.seasons))
    places = _places(project, grid, survey.samples)
    work = Labelling(
        project, places, labeller, settle, chips, grid, survey.classes, _simulated(survey, store)
    )
    project.answers_of(labeller)  # or a name that can be none is found with the first answer
    now = work.standing
    if settle and not (now.open or now.settled):
        raise SurveyError(
            f"--settle: the labellers of {project.folder} ({', '.join(project.labellers) or 'none'}"
            ") differ nowhere; there is nothing to settle"
        )
    return work


def _places(project: Project, grid: Grid, its: SampleSettings) -> Int64Array:
    """(point, 2) row and column of each point's pixel."""
    table = project.points
    settings = its.replace(transformation=None) if project.of_design else its
    geometries = np.asarray(table.geometry.array, dtype=object)
    frame = place(geometries, pyproj.CRS(table.crs), grid, settings, 0).frame
    x, y = frame["x"].to_numpy(dtype=np.float64), frame["y"].to_numpy(dtype=np.float64)
    column, row = ~grid.geobox.affine @ (np.nan_to_num(x, nan=-1e12), np.nan_to_num(y, nan=-1e12))
    places: Int64Array = np.floor(np.column_stack([row, column])).astype(np.int64)
    off = ((places < 0) | (places >= grid.shape)).any(axis=1)
    if off.any():
        raise SurveyError(
            f"{project.source}: {int(off.sum())} of {len(places)} points lie off the survey's grid "
            f"(the first is row {int(np.argmax(off)) + 1}), where it has no images; take them out, "
            "or correct the CRS of the file"
        )
    return places


def _simulated(survey: Survey, store: Store) -> tuple[str, ...]:
    """Labels of sources whose data was simulated, in any period."""
    found: set[str] = set()
    for name in map(manifest_of, survey.period_names):
        if store.read(name) is not None:
            found |= Manifest.load(store, name).simulated
    return tuple(SOURCES[name].label for name in survey.sources if name in found)

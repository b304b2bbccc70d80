"""Mines against a register: licences and units by period, and the suspects with their pictures.

=====================  =============================================================
file                   what it holds
=====================  =============================================================
``licences.csv``       a row for each licence and period: mined inside and beyond it
``units.csv``          a row for each unit and period: mined, and mined without licence
``suspects.csv``       a row for each suspect, with its state
``suspects.gpkg``      the same with their outlines
``suspects.html``      a sheet for each, with pictures before and after, to print
=====================  =============================================================

Only where the survey has periods and a register, and each file only where the register has what it
is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import shapely

from minecover.arrays import BoolArray, Float32Array, Float64Array
from minecover.geography.grid import Window
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface
from minecover.land_register.findings import Search
from minecover.land_register.ground import Maps, measure_inside
from minecover.land_register.parcels import OUTSIDE
from minecover.land_register.recognition import recognised
from minecover.land_register.register import Register
from minecover.land_register.states import State
from minecover.land_register.tables import Suspect, licence_table, suspects_of, unit_table
from minecover.products.measured_outlines import to_map
from minecover.products.mine_history import IDS, read_ids, timeline_of
from minecover.products.mines import VERSION, change_date
from minecover.products.outlines import outline, patches
from minecover.products.page import page_environment
from minecover.products.product import File, Product, Publication
from minecover.products.suspect_pictures import chips_of, window_of
from minecover.simulated import simulation_tags

__all__ = ["REGISTER"]

LICENCES, UNITS, SUSPECTS = "licences.csv", "units.csv", "suspects.csv"
LAYER, SHEETS = "suspects.gpkg", "suspects.html"

MOST = 200
"""Suspects that get a sheet; the others are in the tables."""


COLUMNS = (
    "suspect", "state", "note", "kind", "mine", "parcel", "since", "until", "now", "area_ha",
    "new_ha", "confidence", "level", "lon", "lat",
)  # fmt: skip
"""Of the list, before what the register says."""


NUMBERS = ("area_ha", "new_ha", "confidence", "lon", "lat")
"""Of these columns."""


class RegisterProduct(Product[tuple[Suspect, ...]]):
    """Tables of licences and units, and the suspects; its result are these."""

    name = "register"
    requires = ("mine_history",)

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List those that the register has something for."""
        register = publication.register
        if publication.timeline is None or register is None:
            return ()
        files = []
        if register.licences is not None:
            files.append(File(LICENCES, "Mined by licence and period", "text/csv", "licences"))
        if register.units is not None:
            files.append(File(UNITS, "Mined by unit and period", "text/csv", "units"))
        if register.licences is not None or register.protected is not None:
            files += [
                File(SUSPECTS, "Suspects", "text/csv", "suspects"),
                File(LAYER, "Outlines of suspects", "application/geopackage+sqlite3",
                     "suspect_outlines"),
                File(SHEETS, "Sheets of suspects", "text/html", "suspect_sheets", ("overview",)),
            ]  # fmt: skip
        return tuple(files)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> tuple[Suspect, ...]:
        """Hold the mines against the register."""
        timeline, register = timeline_of(publication), publication.register
        assert register is not None, "without a register it has no files"
        mined = [item.name for item in publication.classes if item.mine]
        least = round(publication.mines.min_area_ha * SQUARE_MILLIMETRES)
        with read_ids(publication.paths[IDS]) as ids:
            areas = Surface(publication.grid).pixel_areas
            chance = partial(_chance, publication, mined)
            maps = Maps(publication.grid, ids, areas, chance)
            inside = measure_inside(maps, register.licences, register.protected, register.units)
            search = Search(
                maps, register.licences, register.protected, inside, least, register.edge
            )
            found = search.findings()
            suspects = suspects_of(
                found, register.licences, register.protected, timeline.names, least=least
            )
            if register.licences is not None:
                rows = licence_table(register.licences, inside, found, timeline.names)
                _csv(paths[LICENCES], with_intervals(rows, publication, "licences"))
            if register.units is not None:
                licensed = register.licences is not None
                rows = unit_table(register.units, inside, timeline.names, licensed=licensed)
                _csv(paths[UNITS], with_intervals(rows, publication, "units"))
            if SUSPECTS in paths:
                suspects = _write_suspects(publication, register, suspects, search, paths)
        return tuple(suspects)


REGISTER = RegisterProduct()


def _chance(
    publication: Publication, mined: Sequence[str], window: Window, period: int
) -> Float32Array:
    return timeline_of(publication).probability(window, period, mined)


def _csv(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, index=False, float_format="%.6f", lineterminator="\n", encoding="utf-8")


def with_intervals(table: pd.DataFrame, publication: Publication, kind: str) -> pd.DataFrame:
    """Put beside what is counted what a labelled design of change estimates.

    Columns `estimate_ha`, `low_ha` and `high_ha` (95 %) of what is mined in a unit or licence in a
    period, and in the row without a licence outside of all; of licences also `beyond_estimate_ha`,
    `beyond_low_ha` and `beyond_high_ha`. They are there where `minecover areas` estimated them, the
    first three where one class of the survey is mines: intervals of several do not add up.
    """
    found = (publication.areas or {}).get("change") or {}
    mines = [item.name for item in publication.classes if item.mine]
    if kind in found and len(mines) == 1:
        table = table.assign(**_columns(table, found[kind], "", mines[0]))
    if kind == "licences" and "beyond" in found:
        table = table.assign(**_columns(table, found["beyond"], "beyond_", None))
    return table


def _columns(
    table: pd.DataFrame, found: Mapping[str, Any], prefix: str, name: str | None
) -> dict[str, list[float]]:
    """Estimate and ends of the interval for each row: of a class by name, or all there is."""

    def of(parcel: str, period: str) -> Mapping[str, float]:
        own = found.get(parcel or OUTSIDE, {}).get("periods", {}).get(period, {})
        area: Mapping[str, Any] = own.get("area_ha", {})
        return area if name is None else area.get(name, {})

    rows = zip(table[table.columns[0]], table["period"], strict=True)
    estimates = [of(parcel, period) for parcel, period in rows]
    parts = {"estimate_ha": "value", "low_ha": "low", "high_ha": "high"}
    return {prefix + c: [one.get(part, np.nan) for one in estimates] for c, part in parts.items()}


def _write_suspects(
    publication: Publication,
    register: Register,
    suspects: Sequence[Suspect],
    search: Search,
    paths: Mapping[str, Path],
) -> list[Suspect]:
    """Write list, outlines and sheets, of suspects with what people found of them."""
    masks = [search.pixels(one.found, window_of(one)) for one in suspects]
    place = to_map(publication.grid)
    shapes = np.array(
        [_outline(mask, window_of(one), place) for one, mask in zip(suspects, masks, strict=True)],
        dtype=object,
    )
    centres = shapely.get_coordinates(shapely.centroid(shapes))
    places = Surface(publication.grid).degrees(centres) if len(suspects) else centres
    suspects, lost = recognised(suspects, places, register.states, publication.grid.resolution)
    table = _table(register, suspects, places)
    _csv(paths[SUSPECTS], _with_lost(table, lost))
    _write_layer(publication, paths[LAYER], table, shapes)
    sheets = [
        {"suspect": one, "place": row, "attributes": attributes_of(register, one),
         "chips": chips_of(publication, one, partial(search.pixels, one.found))}
        for one, row in zip(suspects[:MOST], table.to_dict("records"), strict=False)
    ]  # fmt: skip
    page = page_environment().get_template("suspects.html")
    text = page.render(
        publication=publication,
        title=publication.title or publication.name.replace("_", " "),
        sheets=sheets,
        left_out=len(suspects) - len(sheets),
        lost=lost,
        files=(SUSPECTS, LAYER),
    )
    paths[SHEETS].write_text(text, encoding="utf-8")
    return suspects


def _with_lost(table: pd.DataFrame, lost: Mapping[str, State]) -> pd.DataFrame:
    """Put findings that are of no suspect of this run under the list: no copy of it loses one."""
    if not lost:
        return table
    rows = []
    for key, one in lost.items():
        lon, lat = one.place or (np.nan, np.nan)
        rows.append({
            "suspect": key, "state": one.state, "note": one.note, "kind": one.kind,
            "parcel": one.parcel, "now": False, "lon": lon, "lat": lat,
        })  # fmt: skip
    more = pd.DataFrame(rows, columns=list(table.columns)).astype(object)
    whole = pd.concat([table.astype(object), more], ignore_index=True)
    return whole.astype(dict.fromkeys(NUMBERS, float))


def _outline(
    mask: BoolArray, window: Window, place: Callable[[Float64Array], Float64Array]
) -> shapely.MultiPolygon:
    """Outline the pixels of a window in the grid's CRS."""
    corner = np.array([window.x0, window.y0], dtype=np.float64)
    parts = [outline(runs) for runs in patches([mask])]
    return shapely.transform(shapely.MultiPolygon(parts), lambda pixels: place(pixels + corner))


def _table(
    register: Register,
    suspects: Sequence[Suspect],
    places: Float64Array,
) -> pd.DataFrame:
    """List the suspects with their places and what the register says of the polygon."""
    rows = []
    for one, (lon, lat) in zip(suspects, places.tolist(), strict=True):
        row: dict[str, Any] = {
            "suspect": one.key, "state": one.state.state, "note": one.state.note,
            "kind": one.kind, "mine": one.mine, "parcel": one.parcel,
            "since": one.since, "until": one.until, "now": one.now,
            "area_ha": one.hectares, "new_ha": one.fresh,
            "confidence": one.confidence, "level": one.level, "lon": lon, "lat": lat,
        }  # fmt: skip
        own = attributes_of(register, one)
        rows.append(row | {f"register_{k}" if k in row else k: v for k, v in own.items()})
    return pd.DataFrame(rows, columns=None if rows else list(COLUMNS))


def attributes_of(register: Register, suspect: Suspect) -> dict[str, str]:
    """Give what the register says of the polygon of a suspect."""
    parcels = register.protected if suspect.kind == "protected" else register.licences
    if parcels is None or not suspect.parcel:
        return {}
    return {str(key): str(text) for key, text in parcels.attributes.loc[suspect.parcel].items()}


def _write_layer(
    publication: Publication, path: Path, table: pd.DataFrame, shapes: npt.NDArray[np.object_]
) -> None:
    tags = simulation_tags(publication.simulated)
    frame = gpd.GeoDataFrame(table.round(6), geometry=shapes, crs=publication.grid.crs)
    # the day of the survey, not of the clock: equal maps give equal bytes
    with change_date(publication.days[1]):
        pyogrio.write_dataframe(
            frame, path, layer="suspects", driver="GPKG", geometry_type="MultiPolygon",
            dataset_metadata=tags, VERSION=VERSION,
        )  # fmt: skip

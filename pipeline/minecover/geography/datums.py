"""Coordinates of one datum in another: as PROJ knows or a survey says, never by a guess.

Where PROJ knows no transformation between two datums it takes longitude and latitude as they are,
and calls that a ballpark: Beijing 1954 then lies 59 m off in Ordos. Such an operation is refused,
except between frames that are the same within centimetres: the realisations of WGS 84 and of the
ITRF, and CGCS2000, which is ITRF97 at the epoch 2000.0 (Cheng et al. 2020,
10.1186/s43020-020-00032-w; the plates have moved a few centimetres a year since). A CRS that names
no datum, on the ellipsoid of these frames or a sphere, is taken for one of them as well.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from pyproj.crs import BoundCRS
from pyproj.crs.coordinate_operation import ToWGS84Transformation
from pyproj.transformer import AreaOfInterest, TransformerGroup

from minecover.arrays import Float64Array
from minecover.errors import SurveyError
from minecover.geography.gcj02 import unshifted

__all__ = ["GCJ02", "WGS84", "DatumChange", "datum_change", "densified", "moved", "to_wgs84"]

WGS84 = "EPSG:4326"

GEOCENTRIC = (
    "world geodetic system 1984", "wgs 84", "wgs 1984", "international terrestrial reference frame",
    "igs", "china 2000", "china geodetic coordinate system 2000", "cgcs2000", "cgcs 2000",
)  # fmt: skip
"""How the names of frames begin that are the same within centimetres."""

NAMELESS = ("unknown", "not specified", "undefined")
"""How the names of datums begin that are none."""

FLATTENING = (298.25, 298.26)
"""Inverse flattening of GRS 80, WGS 84 and CGCS2000; Krassowsky's is 298.3."""

NEAR = 3.0
"""Metres by which an operation between geocentric frames moves a point at most: to ITRF2020 ETRS89
0.8, NAD83(2011) 1.3, GDA94 1.8. Far from the place that it was made for it is left out."""

STEP = {"degree": 0.02, "metre": 2000.0}
"""Longest straight edge, in units of the CRS, before an outline is carried into another: the
true edge leaves the chord of two kilometres by centimetres."""

PROBES = np.array([[0.0, 90.0, 180.0, -90.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 60.0, -60.0]])
"""Longitudes and latitudes all over the earth: a shift of its centre is horizontal at some."""

GCJ02 = "gcj02"
"""Transformation of a survey that takes back the shift of Chinese web maps."""

SHOWN = 60
"""Letters of the name of a place."""

Points = tuple[Float64Array, Float64Array]

Change = Callable[[Float64Array, Float64Array], Points]


@dataclass(frozen=True, eq=False)
class DatumChange:
    """How coordinates get from one CRS to another.

    Attributes
    ----------
    transformer
        One operation for all of them, x before y.
    note
        Sentence that names it and its accuracy; empty where the datum stays the same.
    """

    transformer: pyproj.Transformer
    note: str = ""


def datum_change(
    source: pyproj.CRS, target: pyproj.CRS, bounds: tuple[float, ...], key: str, ways: str
) -> DatumChange:
    """Find the operation from one CRS to another that PROJ knows to be best at a place.

    Parameters
    ----------
    source, target
        The two.
    bounds
        Left, bottom, right, top in `source`, of what is transformed.
    key
        Whose coordinates they are, for messages.
    ways
        What else a person can do, for messages.

    Raises
    ------
    SurveyError
        There is but a ballpark operation, between datums that differ.
    """
    if _datum(source) == _datum(target):
        return DatumChange(pyproj.Transformer.from_crs(source, target, always_xy=True))
    group = _known(source, target, _in_degrees(source, bounds))
    if group.transformers:
        return DatumChange(group.transformers[0], _described(source, target, group))
    if (_is_geocentric(source) and _is_geocentric(target)) or _are_near(source, target):
        return DatumChange(pyproj.Transformer.from_crs(source, target, always_xy=True))
    grids = sorted(set(_missing_grids(group)))
    fetch = f"fetch a grid ({', '.join(grids)}) by `pyproj sync`, or " if grids else ""
    raise SurveyError(
        f"{key}: its datum is {_datum(source)}, and PROJ knows no transformation from there to "
        f"{_datum(target)} at this place; coordinates taken as they are would be off by tens to "
        f"hundreds of metres: {fetch}{ways}"
    )


def to_wgs84(crs: pyproj.CRS, text: str, key: str) -> Change:
    """Give the function of a transformation that a survey names.

    Parameters
    ----------
    crs
        Of the coordinates.
    text
        Three or seven numbers of `towgs84`; an operation, as EPSG:15918; a pipeline of PROJ
        from the coordinates, x before y, to longitude and latitude in degrees; or `GCJ02`.
    key
        That names it.

    Returns
    -------
    Function of x and y that gives longitude and latitude on WGS 84.

    Raises
    ------
    SurveyError
        It is none of these, or does not begin at the datum of `crs` and end at WGS 84.
    """
    if text.strip().lower() == GCJ02:
        return _by_web_map(crs, key)
    numbers = re.fullmatch(r"(?:\+towgs84=)?([-+.\d\s,eE]+)", text.strip())
    try:
        if numbers:
            return _by_numbers(crs, [float(part) for part in numbers[1].split(",")])
        named = re.fullmatch(r"([A-Za-z]+):(\d+)", text.strip())
        if named:
            return _by_operation(crs, named[1], named[2])
        if text.lstrip().startswith("+"):
            pipeline: Change = pyproj.Transformer.from_pipeline(text).transform
            return pipeline
        raise ValueError("it is neither numbers, nor an operation, nor a pipeline")
    except (ValueError, pyproj.exceptions.ProjError) as error:
        raise SurveyError(
            f"{key}: {text!r} cannot be used for {crs.name}: {error}; give 3 or 7 numbers of "
            "towgs84 as '15.8,-154.4,-82.3', an operation as EPSG:15918, or a pipeline of PROJ "
            "that begins with +proj=pipeline and ends in degrees of longitude and latitude on WGS "
            "84, or gcj02"
        ) from error


def _by_web_map(crs: pyproj.CRS, key: str) -> Change:
    """Take back the shift of Chinese web maps, whose files say that they are in WGS 84."""
    if not _is_geocentric(crs):
        raise SurveyError(
            f"{key}: gcj02 is for files of Chinese web maps, which say WGS 84; this one is in "
            f"{crs.name}"
        )
    to_degrees = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    return lambda x, y: unshifted(*to_degrees.transform(x, y))


def moved(geometries: npt.NDArray[np.object_], change: Change) -> npt.NDArray[np.object_]:
    """Transform the coordinates of geometries, without their heights."""

    def columns(points: Float64Array) -> Float64Array:
        return np.column_stack(change(points[:, 0], points[:, 1]))

    return np.asarray(shapely.transform(geometries, columns), dtype=object)


def densified(geometries: npt.NDArray[np.object_], crs: pyproj.CRS) -> npt.NDArray[np.object_]:
    """Put points on long straight edges, which bend in another CRS.

    Parameters
    ----------
    geometries
        Of any kind; their heights are left out.
    crs
        Theirs.
    """
    step = STEP.get(crs.axis_info[0].unit_name, STEP["metre"])
    return np.asarray(shapely.segmentize(shapely.force_2d(geometries), step), dtype=object)


def _by_numbers(crs: pyproj.CRS, numbers: list[float]) -> Change:
    geodetic = crs.geodetic_crs
    if len(numbers) not in (3, 7) or geodetic is None:
        raise ValueError(f"{len(numbers)} numbers")
    bound = BoundCRS(crs, WGS84, ToWGS84Transformation(geodetic, *numbers))
    transform: Change = pyproj.Transformer.from_crs(bound, WGS84, always_xy=True).transform
    return transform


def _by_operation(crs: pyproj.CRS, authority: str, code: str) -> Change:
    urn = f"urn:ogc:def:coordinateOperation:{authority.upper()}::{code}"
    operation = pyproj.Transformer.from_pipeline(urn)
    ends = operation.to_json_dict()
    first, last = (pyproj.CRS.from_json_dict(ends[name]) for name in ("source_crs", "target_crs"))
    if _datum(first) != _datum(crs) or not _is_geocentric(last) or not first.is_geographic:
        raise ValueError(f"it leads from {first.name} to {last.name}")
    to_degrees = pyproj.Transformer.from_crs(crs, first, always_xy=True)

    def change(x: Float64Array, y: Float64Array) -> Points:
        ordered = _as_ordered(first, *to_degrees.transform(x, y))
        return _as_ordered(last, *operation.transform(*ordered))

    return change


def _as_ordered(crs: pyproj.CRS, first: Float64Array, second: Float64Array) -> Points:
    """Swap longitude and latitude where a CRS has latitude first."""
    return (second, first) if crs.axis_info[0].direction == "north" else (first, second)


def _known(
    source: pyproj.CRS, target: pyproj.CRS, around: AreaOfInterest | None
) -> TransformerGroup:
    """List operations that are no ballpark, the best first; those of anywhere without a place."""
    with warnings.catch_warnings():  # of grids that are not there, which the note tells
        warnings.simplefilter("ignore", UserWarning)
        return TransformerGroup(
            source, target, always_xy=True, area_of_interest=around, allow_ballpark=False
        )


def _are_near(source: pyproj.CRS, target: pyproj.CRS) -> bool:
    """Tell whether an operation made for some other place moves no point of the earth far."""
    first, last = source.geodetic_crs, target.geodetic_crs
    if first is None or last is None or not (first.is_geographic and last.is_geographic):
        return False
    operations = _known(first, last, None).transformers
    if not operations:
        return False
    longitude, latitude = PROBES
    there = operations[0].transform(longitude, latitude)
    metres = pyproj.Geod(ellps="WGS84").inv(longitude, latitude, *there)[2]
    return bool(np.max(metres) < NEAR)


def _datum(crs: pyproj.CRS) -> str:
    """Name of the datum of a CRS."""
    datum = crs.datum if crs.datum is not None else getattr(crs.geodetic_crs, "datum", None)
    return crs.name if datum is None else str(datum.name).removesuffix(" ensemble")


def _is_geocentric(crs: pyproj.CRS) -> bool:
    """Tell whether a datum is WGS 84 within centimetres, or none at all on such an ellipsoid."""
    name = _datum(crs).removeprefix("D_").replace("_", " ").lower()
    if name.startswith(GEOCENTRIC):
        return True
    ellipsoid = crs.ellipsoid
    if ellipsoid is None or not name.startswith(NAMELESS):
        return False
    inverse = ellipsoid.inverse_flattening
    return inverse == 0 or FLATTENING[0] < inverse < FLATTENING[1]


def _in_degrees(crs: pyproj.CRS, bounds: tuple[float, ...]) -> AreaOfInterest | None:
    """Where bounds are on the earth; None: PROJ then goes by where each CRS is used."""
    geodetic = crs.geodetic_crs
    if geodetic is None or not np.isfinite(bounds).all():
        return None
    to_degrees = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)
    left, bottom, right, top = bounds
    west, south, east, north = to_degrees.transform_bounds(left, bottom, right, top)
    inside = np.isfinite([west, south, east, north]).all() and -90 <= south <= north <= 90
    return AreaOfInterest(west, south, east, north) if inside else None


def _described(source: pyproj.CRS, target: pyproj.CRS, group: TransformerGroup) -> str:
    best = group.transformers[0]
    if best.accuracy == 0:  # the same but for the name
        return ""
    steps = [step for step in best.operations or () if step.accuracy and step.accuracy > 0]
    named = " and ".join(step.name for step in steps) or best.description
    where = f" ({_short(best.area_of_use.name)})" if best.area_of_use else ""
    known = f", within {best.accuracy:g} m by its record" if best.accuracy > 0 else ""
    note = f"{_datum(source)} to {_datum(target)} by {named}{where}{known}"
    grids = sorted(set(_missing_grids(group)))
    better = f"; PROJ knows others with grids ({', '.join(grids)}): `pyproj sync`" if grids else ""
    return note + ("" if group.best_available else better)


def _short(place: str) -> str:
    name = place.rstrip(".")
    return name if len(name) <= SHOWN else name[:SHOWN].rsplit(" ", 1)[0] + " …"


def _missing_grids(group: TransformerGroup) -> Iterator[str]:
    for operation in group.unavailable_operations:
        yield from (grid.short_name for grid in operation.grids if not grid.available)

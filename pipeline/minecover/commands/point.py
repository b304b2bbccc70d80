"""The command that shows the features and the map at one place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minecover.commands.terminal import (
    PeriodOption,
    StoreOption,
    SurveyFile,
    console,
    load_survey,
)
from minecover.errors import SurveyError

if TYPE_CHECKING:
    import xarray as xr

    from minecover.api.results import Results

__all__ = ["add_point_command"]

Values = dict[str, dict[str, float | None]]

WHOLE = "all"
"""Stands for the season of what is observed once."""


def add_point_command(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(point)


def point(
    survey: SurveyFile,
    lon: Annotated[float, typer.Option(min=-180, max=180, help="longitude in degrees (WGS 84)")],
    lat: Annotated[float, typer.Option(min=-90, max=90, help="latitude in degrees (WGS 84)")],
    store: StoreOption = None,
    period: PeriodOption = None,
    feature: Annotated[
        list[str] | None, typer.Option(help="as NDVI; may be given several times; none: all")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Show the features of every season, and the class on the map, at a place."""
    # the stages bring dask, scikit-learn and GDAL with them: seconds that `--help` need not spend
    from minecover.api.results import Results
    from minecover.storage.identity import known_store
    from minecover.storage.names import MAP_RASTER

    loaded = load_survey(survey, store)
    results = Results(known_store(loaded.store), loaded).in_period(period)
    values = _features(_chosen(results.features, feature).point(lon, lat).compute())
    mapped = results.store.read(f"{MAP_RASTER}/zarr.json") is not None
    here = _map(results, lon, lat) if mapped else None
    if as_json:
        typer.echo(json.dumps({"features": values, "map": here}))
    else:
        _print(values, here, tuple(loaded.seasons))


def _chosen(features: xr.DataArray, names: list[str] | None) -> xr.DataArray:
    if not names:
        return features
    known = list(dict.fromkeys(features["feature"].values.tolist()))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SurveyError(
            f"--feature: there is no {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return features.isel(layer=features["feature"].isin(names).values)


def _features(here: xr.DataArray) -> Values:
    """Values by feature and season; None where nodata."""
    values: Values = {}
    for layer in here:
        name, season = str(layer["feature"].values), str(layer["season"].values)
        values.setdefault(name, {})[season or WHOLE] = _plain(float(layer))
    return values


def _map(results: Results, lon: float, lat: float) -> dict[str, Any]:
    from minecover.api.rasters import class_codes

    here = results.map.point(lon, lat).compute()
    names: dict[float, str] = {code: name for name, code in class_codes(here["landuse"]).items()}
    probability = zip(here["class"].values.tolist(), here["probability"].values, strict=True)
    return {
        "class": names.get(float(here["landuse"])),
        "entropy": _plain(float(here["entropy"])),
        "probability": {name: _plain(float(value)) for name, value in probability},
    }


def _plain(value: float) -> float | None:
    return None if value != value else value  # NaN is no JSON


def _print(
    values: dict[str, dict[str, float | None]],
    here: dict[str, Any] | None,
    seasons: tuple[str, ...],
) -> None:
    from rich.table import Table

    columns = [key for key in (*seasons, WHOLE) if any(key in row for row in values.values())]
    table = Table(box=None, header_style="bold")
    table.add_column("feature")
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in values.items():
        table.add_row(name, *(_text(row[key]) if key in row else "" for key in columns))
    console.print(table)
    if here is not None:
        likely = sorted(here["probability"].items(), key=lambda item: -(item[1] or 0.0))
        text = ", ".join(f"{name} {_text(value)}" for name, value in likely[:3])
        console.print(f"class on the map: {here['class'] or 'none'} ({text})")


def _text(value: float | None) -> str:
    return "nodata" if value is None else f"{value:.4g}"

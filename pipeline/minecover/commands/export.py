"""The command that writes layers of a store as GeoTIFFs for QGIS and other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minecover.commands.terminal import PeriodOption, StoreOption, console, load_survey
from minecover.errors import SurveyError
from minecover.storage.location import is_url

if TYPE_CHECKING:
    from minecover.api.areas import Area
    from minecover.api.results import Results

__all__ = ["add_export_command"]

FOLDER = "exports"
"""Under a local store, where no other folder is named."""


def add_export_command(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(export)


def export(
    source: Annotated[
        str, typer.Argument(metavar="SURVEY|STORE", help="the survey file, or a folder or s3://")
    ],
    store: StoreOption = None,
    raster: Annotated[
        str | None, typer.Option(help="cube, features or map; else whichever has the names")
    ] = None,
    layers: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="whole names, as summer_NDVI")
    ] = None,
    bands: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B", help="without season, as B08, NDVI or elevation"),
    ] = None,
    seasons: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="of the bands that have one; else all")
    ] = None,
    period: PeriodOption = None,
    area: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|BOX",
            help="polygons, or left,bottom,right,top in degrees; pixels outside are nodata",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="else exports/ in the store's folder")
    ] = None,
) -> None:
    """Write layers of the cube, the features or the map as GeoTIFFs for QGIS, with styles."""
    # libraries of rasters take seconds to import, which `--help` need not spend
    from minecover.api.selection import Selection
    from minecover.api.store_files import StoreExport, check_folder

    results = _open(source, store)
    if out is not None:
        check_folder(out)
    selection = Selection(raster, _split(layers), _split(bands), _split(seasons))
    folder = out or _default_folder(results)
    job = StoreExport.of(results.in_period(period), selection, _area(area))
    for note in job.notes():
        console.print(note, soft_wrap=True)
    for path in job.write(folder):
        console.print(f"   {path}", soft_wrap=True)


def _open(source: str, store: str | None) -> Results:
    """Open a store by its survey, which knows more of it, or as it is."""
    from minecover.api.results import Results
    from minecover.storage.identity import known_store

    if is_url(source) or Path(source).is_dir():
        if store is not None:
            raise SurveyError(f"--store: {source} is a store itself; leave out --store")
        return Results(known_store(source))
    loaded = load_survey(Path(source), store)
    return Results(known_store(loaded.store), loaded)


def _default_folder(results: Results) -> Path:
    folder = results.store.local_path
    if folder is None:
        raise SurveyError(f"--out: {results.store.url} is no folder of this machine; name one")
    return folder / FOLDER


def _split(given: list[str] | None) -> tuple[str, ...]:
    """Names that were given one by one, or several with commas between them."""
    return tuple(name for text in given or () for name in text.split(",") if name)


def _area(text: str | None) -> Area | None:
    """Read four numbers as a box, anything else as the name of a file."""
    if text is None or "," not in text:
        return text
    try:
        box = [float(part) for part in text.split(",")]
    except ValueError:
        return text
    if len(box) != 4:
        raise SurveyError(
            f"--area: a box is four numbers, left,bottom,right,top in degrees, not {text}"
        )
    return box

"""The command that makes a catalog of files, beside the stage of the same name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from minecover.commands.terminal import console

if TYPE_CHECKING:
    from minecover.file_catalog.build import FileCatalog

__all__ = ["STAGE", "StageGroup", "from_files"]

STAGE = "of"
"""Command of the group that carries the stage out."""


class StageGroup(TyperGroup):
    """A stage's command that has others beside it: `minecover catalog SURVEY` is the stage."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 of typer's own
        """Take what names no command of the group for the arguments of the stage."""
        if args and args[0] not in (*self.commands, "--help"):
            args = [STAGE, *args]
        return list(super().parse_args(ctx, args))


def from_files(
    folder: Annotated[Path, typer.Argument(help="of the images; the catalog goes into it")],
    bands: Annotated[
        str | None,
        typer.Option(
            metavar="B02,B03,...",
            help="what the bands of a file are that does not say it, in order; - for one not used",
        ),
    ] = None,
    date: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FILE=]DATE",
            help="of a file whose name has none; of a file of several dates all, in order",
        ),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="of a file of several dates: by-date (the first date's bands first) or by-band"
        ),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE=]NN.NN", help="processing baseline of Sentinel-2, as 05.10"),
    ] = None,
    offset: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE=]NUMBER", help="to add to digital numbers: -1000 or 0"),
    ] = None,
    scale: Annotated[
        float | None, typer.Option(help="reflectance of one number; else 0.0001, or the file's own")
    ] = None,
) -> None:
    """Make a STAC catalog of the images in a folder.

    Sentinel-2 products (.SAFE), GeoTIFF and JPEG 2000 with one band or several, of one date or
    several, and netCDF of openEO. FILE is a name or a pattern, as '2021*'.
    """
    # libraries of rasters take seconds to import, which `--help` need not spend
    from minecover.file_catalog.build import build_catalog
    from minecover.file_catalog.hints import Hints

    hints = Hints.parsed(
        bands.split(",") if bands else (), date or (), order, baseline or (), offset or (), scale
    )
    _show(build_catalog(folder, hints))


def _show(made: FileCatalog) -> None:
    for note in made.notes():
        console.print(note, soft_wrap=True, markup=False)
    for collection in dict.fromkeys(scene.collection for scene in made.scenes):
        scenes = [scene for scene in made.scenes if scene.collection == collection]
        console.print(
            f"{collection}: {len(scenes)} scenes, {scenes[0].moment:%Y-%m-%d} to "
            f"{scenes[-1].moment:%Y-%m-%d}",
            soft_wrap=True,
        )
    console.print(f"wrote {made.path}; in the survey file:\n{made.section()}", soft_wrap=True)

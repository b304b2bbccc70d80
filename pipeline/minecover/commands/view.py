"""The command that serves the map page of a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minecover.commands.served_page import THIS_MACHINE, HostOption, PortOption, serve_page
from minecover.commands.terminal import StoreOption, load_survey
from minecover.errors import SurveyError
from minecover.storage.location import is_url

if TYPE_CHECKING:
    from minecover.storage.raster import Raster
    from minecover.storage.store import Store

__all__ = ["add_view_command"]


def add_view_command(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(view)


def view(
    source: Annotated[
        str, typer.Argument(metavar="SURVEY|STORE", help="the survey file, or a folder or s3://")
    ],
    store: StoreOption = None,
    host: HostOption = THIS_MACHINE,
    port: PortOption = 8765,
) -> None:
    """Show the map, and what lies beneath it, in a browser, until Ctrl-C."""
    from minecover.viewing.app import view_application

    opened, features = _open(source, store)
    serve_page(
        lambda token: view_application(opened, token, features),
        host,
        port,
        path="map/",
        says=lambda address: (f"map page of {opened.url}: {address}", "Ctrl-C stops it"),
    )


def _open(source: str, store: str | None) -> tuple[Store, Raster | None]:
    """Open a store, and where its survey is at hand the features that it does not store."""
    from minecover.storage.identity import known_store

    if is_url(source) or Path(source).is_dir():
        if store is not None:
            raise SurveyError(f"--store: {source} is a store itself; leave out --store")
        return known_store(source), None
    loaded = load_survey(Path(source), store)
    opened = known_store(loaded.store)
    if loaded.features.are_stored:
        return opened, None
    from minecover.stages.features import open_features

    return opened, open_features(opened, loaded)

"""The command that serves the map page of a store."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minecover.commands.terminal import StoreOption, console, load_survey
from minecover.errors import SurveyError
from minecover.storage.location import is_url

if TYPE_CHECKING:
    from minecover.storage.raster import Raster
    from minecover.storage.store import Store

__all__ = ["add_view_command"]

LOOPBACK = "127.0.0.1"


def add_view_command(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(view)


def view(
    source: Annotated[
        str, typer.Argument(metavar="SURVEY|STORE", help="the survey file, or a folder or s3://")
    ],
    store: StoreOption = None,
    host: Annotated[
        str,
        typer.Option(help="address to listen on; other than this machine's own, with a token"),
    ] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free")] = 8765,
) -> None:
    """Show the map, and what lies beneath it, in a browser, until Ctrl-C."""
    from minecover.viewing.access import LOOPBACK as OWN
    from minecover.viewing.app import view_application
    from minecover.viewing.serving import bound_socket, serve

    opened, features = _open(source, store)
    token = None if host in OWN else secrets.token_urlsafe(24)
    application = view_application(opened, token, features)
    with bound_socket(host, port) as bound:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{bound.getsockname()[1]}/map/"
        end = "" if token is None else f"?token={token}"
        console.print(f"map page of {opened.url}: {address}{end}", soft_wrap=True)
        console.print("Ctrl-C stops it")
        try:
            serve(application, bound)
        except KeyboardInterrupt:
            console.print("stopped")


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

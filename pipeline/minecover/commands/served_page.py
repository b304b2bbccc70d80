"""What the commands that show a page share: where it is served, and how people come to it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from minecover.commands.terminal import console

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["THIS_MACHINE", "HostOption", "PortOption", "serve_page"]

THIS_MACHINE = "127.0.0.1"

HostOption = Annotated[
    str,
    typer.Option(
        "--host", help="address to listen on; other than this machine's own, with a token"
    ),
]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free")]


def serve_page(
    application: Callable[[str | None], Starlette],
    host: str,
    port: int,
    *,
    path: str = "",
    says: Callable[[str], tuple[str, ...]],
) -> None:
    """Serve a page until Ctrl-C.

    Parameters
    ----------
    application
        Makes what is served, of the token that requests must bring; None: they need none.
    host, port
        Where.
    path
        Of the page.
    says
        Makes the lines that people read, of its address.

    Raises
    ------
    SurveyError
        The address cannot be had.
    """
    from minecover.viewing import serving
    from minecover.viewing.access import LOOPBACK

    token = None if host in LOOPBACK else secrets.token_urlsafe(24)
    served = application(token)
    with serving.bound_socket(host, port) as bound:
        name = f"[{host}]" if ":" in host else host
        end = "" if token is None else f"?token={token}"
        for line in says(f"http://{name}:{bound.getsockname()[1]}/{path}{end}"):
            console.print(line, soft_wrap=True, markup=False)
        try:
            serving.serve(served, bound)
        except KeyboardInterrupt:
            console.print("stopped")

"""Serve an application on one address until the person stops it."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette

from minecover.errors import SurveyError

__all__ = ["bound_socket", "serve"]


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind an address; port 0: any that is free.

    Raises
    ------
    SurveyError
        It cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise SurveyError(
            f"--host {host} --port {port}: cannot listen there: {error.strerror}; give another "
            "--port, or 0 for any that is free"
        ) from error
    return bound


def serve(application: Starlette, bound: socket.socket) -> None:
    """Answer requests until a signal comes."""
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[bound])

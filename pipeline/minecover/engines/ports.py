"""Ports of this machine that a survey asks for."""

from __future__ import annotations

import socket

from minecover.errors import SurveyError

__all__ = ["check_port"]


def check_port(port: int | None) -> None:
    """Refuse a port on loopback that something listens at; a cluster would take another.

    Raises
    ------
    SurveyError
        It is taken.
    """
    if port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SurveyError(
                f"engine.metrics_port: port {port} of this machine cannot be used: "
                f"{error.strerror}; give another, or null"
            ) from error

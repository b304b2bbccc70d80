"""A server on loopback that answers ranges of files, each after a while, as one far away does."""

from __future__ import annotations

import http.server
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

__all__ = ["RangeServer", "serving"]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RangeServer

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """Answer a file or a range of it."""
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.server.count(self.path)
        time.sleep(self.server.latency)
        path = self.server.folder / self.path.partition("?")[0].lstrip("/")
        if not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        first, last, status = 0, size - 1, 200
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            first, status = int(wanted[1]), 206
            last = min(last, int(wanted[2] or last))
        self.send_response(status)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if body:
            with path.open("rb") as file:
                file.seek(first)
                self.wfile.write(file.read(last - first + 1))

    def log_message(self, *_: object) -> None:
        """Keep the output clean."""


class RangeServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves a folder; counts its answers.

    Attributes
    ----------
    latency
        Seconds before every answer.
    requests
        Paths in the order in which they were requested.
    """

    daemon_threads = True
    request_queue_size: ClassVar[int] = 512

    def __init__(self, folder: Path, latency: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.latency = folder, latency
        self.requests: list[str] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Address of the folder."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def count(self, path: str) -> None:
        """Remember a request."""
        with self._lock:
            self.requests.append(path)


@contextmanager
def serving(folder: Path, latency: float) -> Iterator[RangeServer]:
    """Serve a folder while the block runs."""
    with RangeServer(folder, latency) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()

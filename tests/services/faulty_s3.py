"""A proxy on loopback that lets an S3 server fail: errors, silence, connections cut half way.

What happens to a request depends on the seed, the request and how often it was made, and not on
the order in which threads make theirs.
"""

from __future__ import annotations

import http.client
import http.server
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from services.s3 import HOST

__all__ = ["KINDS", "Faults", "faulty_s3"]

KINDS = ("500", "503", "lost answer", "500 though done", "slow", "cut")
"""What can happen to a request.

`500`, `503`: refused, nothing was done. `lost answer`: done, and the connection closed instead of
an answer. `500 though done`: done, and an error told. `slow`: late. `cut`: the connection closed in
the middle of the body, of the request where it has one and else of the answer.
"""

REFUSAL = b"<Error><Code>%s</Code><Message>injected</Message></Error>"
SLOW_SECONDS = 0.5
DROPPED = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})


@dataclass
class Faults:
    """What the proxy does to requests, and what it did.

    Attributes
    ----------
    seed
        Of the choice.
    rate
        Share of the requests that something happens to.
    kinds
        What may happen.
    once
        Something happens to every request when it is made for the first time, whatever the rate.
    count
        How often each happened.
    """

    seed: int = 0
    rate: float = 0.0
    once: bool = False
    kinds: Sequence[str] = KINDS
    count: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, request: str) -> str | None:
        """Choose what happens to a request; None: nothing."""
        with self.lock:
            self.seen[request] += 1
            choice = random.Random(f"{self.seed} {request} {self.seen[request]}")
            first = self.once and self.seen[request] == 1
            if not first and choice.random() >= self.rate:
                return None
            kind = choice.choice(self.kinds)
            self.count[kind] += 1
            return kind


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: int
    faults: Faults

    def handle_one_request(self) -> None:
        # a client that goes away in the middle of a request is what is tested here
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def answer(self) -> None:
        kind = self.faults.of(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        if kind == "cut" and length:
            self.rfile.read(length // 2)
            self.hang_up()
            return
        body = self.rfile.read(length)
        if kind in ("500", "503"):
            self.refuse(int(kind))
            return
        if kind == "slow":
            time.sleep(SLOW_SECONDS)
        status, headers, content = self.forwarded(body)
        if kind == "500 though done":
            self.refuse(500)
        elif kind == "lost answer":
            self.hang_up()
        else:
            self.send(status, headers, content, cut=kind == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815

    def forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        link = http.client.HTTPConnection(HOST, self.upstream, timeout=60)
        try:
            # the signature is over the name of the host that the client knows
            link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in DROPPED:
                    link.putheader(name, value)
            link.endheaders(body or None)
            answer = link.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            link.close()

    def refuse(self, status: int) -> None:
        code = b"SlowDown" if status == 503 else b"InternalError"
        self.send(status, [("Content-Type", "application/xml")], REFUSAL % code)

    def send(
        self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False
    ) -> None:
        self.send_response_only(status)
        named = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in DROPPED:
                self.send_header(name, value)
        if "content-length" not in named and status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.hang_up()

    def hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(2)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing to the error stream."""


@contextmanager
def faulty_s3(upstream: int, faults: Faults) -> Iterator[int]:
    """Start a proxy before the server at port `upstream`.

    Yields
    ------
    int
        Its port.
    """
    handler = type("Handler", (_Handler,), {"upstream": upstream, "faults": faults})
    proxy = http.server.ThreadingHTTPServer((HOST, 0), handler)
    proxy.daemon_threads = True
    serving = threading.Thread(target=proxy.serve_forever, args=(0.1,), daemon=True)
    serving.start()
    try:
        yield proxy.server_port
    finally:
        proxy.shutdown()
        serving.join()
        proxy.server_close()

"""Servers of catalogs that fail, and runs that are asked to stop while they wait."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from chaos.bench import COLUMNS, ROWS, Bench
from fuzz.catalogs import StaticCatalog
from minecover.errors import MinecoverError
from minecover.sources import answers
from minecover.sources.freeze import freeze
from minecover.sources.registry import sources_of
from services.runs import environment, forked, stub_command, until_there, until_tiles_are_done

FAULTS = ("slow", "endless", "cut", "refused", "busy", "redirects")
RATE = 0.4
"""Share of the requests that something happens to."""

PATIENCE = 1.0
"""Seconds that an answer may take here; 300 in a survey."""


class Faulty(SimpleHTTPRequestHandler):
    """Serves a folder; some documents slowly, without end, in part, or not at all."""

    rng = random.Random(0)
    faults: list[str]

    def log_message(self, *_: object) -> None:
        """Tell nothing."""

    def do_GET(self) -> None:
        if not self.path.endswith(".json") or self.rng.random() > RATE:
            super().do_GET()
            return
        fault = self.rng.choice(FAULTS)
        self.faults.append(fault)
        if fault in ("refused", "busy"):
            self.send_error(404 if fault == "refused" else 503)
        elif fault == "redirects":
            self.send_response(302)
            self.send_header("location", self.path)
            self.end_headers()
        else:
            self._body(fault)

    def _body(self, fault: str) -> None:
        """Send what is no whole document: until the other side gives up, or half of one."""
        self.send_response(200)
        if fault == "cut":
            self.send_header("content-length", "10000")
        self.end_headers()
        try:
            for _ in range({"slow": 200, "endless": 10**6, "cut": 1}[fault]):
                self.wfile.write(b"[" * (2**16 if fault == "endless" else 1))
                time.sleep(0.05 if fault == "slow" else 0)
        except OSError:  # it gave up
            pass


@contextmanager
def _served(folder: str, rng: random.Random) -> Iterator[tuple[str, list[str]]]:
    faults: list[str] = []
    handler = type("OfOneRun", (Faulty,), {"rng": rng, "faults": faults})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/catalog.json", faults
        finally:
            server.shutdown()


def catalog_fails(bench: Bench, kind: str) -> None:
    """Look items up: what was found whole is what an undisturbed look-up finds."""
    folder = bench.folder / "served"
    catalog = StaticCatalog(folder)
    told = bench.folder / "told"

    def look_up() -> int:
        answers.LONGEST, answers.retries = PATIENCE, lambda: 0  # type: ignore[assignment]
        rng = random.Random(bench.rng.random())
        with _served(str(folder), rng) as (url, faults):
            survey = catalog.survey.replace(catalog={"url": url})

            def find() -> Any:
                sources = sources_of(survey.sources)
                return freeze(sources, survey.catalog, survey.seasons, catalog.grid)

            whole = []
            for _ in range(8):
                try:
                    found = find()
                except MinecoverError:
                    continue
                if not found.left_out:  # a branch that could not be read is named
                    whole.append(found)
            told.write_text(str(len(faults)))
            rng.random = lambda: 1.0  # type: ignore[method-assign] from here on nothing happens
            undisturbed = find()
            return int(any(found != undisturbed for found in whole) or bool(undisturbed.left_out))

    since = time.monotonic()
    code = forked(look_up)
    bench.note(kind, since, code == 0, max(1, int(told.read_text())), f"exit code {code}")


def asked_to_stop(bench: Bench, kind: str, engine: str = "local") -> None:
    """SIGTERM or Ctrl-C at any moment: the code that asks for another run, and the same bytes."""
    store = bench.fresh()
    shape = ("--rows", ROWS, "--columns", COLUMNS, "--seconds", 0.2, "--engine", engine)
    driver = subprocess.Popen(
        stub_command(store, *shape),
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if engine == "local":
        until_tiles_are_done(store, 1)
        time.sleep(bench.rng.uniform(0, 0.8))
    else:
        until_there(store)  # what a stop means is settled by then
        time.sleep(bench.rng.uniform(0, 9))  # also while the cluster is being waited for
    since = time.monotonic()
    sent = bench.rng.choice((signal.SIGTERM, signal.SIGINT))
    driver.send_signal(sent)
    code = driver.wait(60)
    took = time.monotonic() - since
    if code == 0:  # it came too late
        return
    if code not in (75, 130):
        bench.note(kind, since, same=False, told=f"{sent.name}: exit code {code}")
        return
    bench.resumed(kind, store, f"{sent.name} on {engine}, ended in {took:.1f} s with {code}")

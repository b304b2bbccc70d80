"""An S3 server behind a proxy that lets requests fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from chaos.bench import Bench, drive
from minecover.storage.store import Store
from services.faulty_s3 import Faults, faulty_s3
from services.runs import RASTERS, forked

RATE = 0.15
"""Share of the requests that something happens to."""


def s3_fails(bench: Bench, kind: str, faults: int) -> None:
    """Whole runs until so many requests failed; one fault is one request."""
    server = subprocess.Popen(
        [sys.executable, "-m", "services.s3", str(bench.folder / "s3")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    lines = [server.stdout.readline() for _ in range(4)]
    variables = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
    try:
        number = 0
        while bench.tallies[kind].faults < faults and time.monotonic() < bench.deadline:
            s3_run(bench, kind, variables, number)
            number += 1
    finally:
        server.terminate()
        server.wait()


def s3_run(bench: Bench, kind: str, variables: dict[str, str], number: int) -> None:
    url, injected = f"s3://minecover/{number}", Faults(bench.seed + number, RATE)
    real = int(variables["AWS_ENDPOINT_URL"].rpartition(":")[2])

    def through(port: int, work: Callable[[], int]) -> int:
        os.environ.update(variables, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
        return work()

    def compared() -> int:
        store = Store(url)
        names = [name for raster in RASTERS for name in store.names(raster)]
        return int({name: store.read(name) for name in names} != bench.expected)

    since = time.monotonic()
    with faulty_s3(real, injected) as proxy:
        code = forked(partial(through, proxy, partial(drive, url)))
    same = code == 0 and forked(partial(through, real, compared)) == 0
    bench.note(kind, since, same, injected.count.total(), f"run {number}: {code}")

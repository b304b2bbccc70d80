"""Faults one after another, drawn by a seed: after each, run to the end and compare the bytes.

    PYTHONPATH=pipeline:tests:cluster python -m chaos.campaign --faults 200 --seconds 900

Hosts are killed, links cut and disks filled where this runs as root.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chaos import clusters, images, invalidations, kills, links, rot, servers, storage
from chaos.bench import COLUMNS, ROWS, Bench
from chaos.tallies import keep_section, report
from hosts import unavailable
from services.network import Network
from services.runs import memory

Inject = Callable[[Bench, str], None]


@dataclass(frozen=True)
class Kind:
    """A kind of fault: its part in the campaign, and how many one injection makes."""

    name: str
    share: float
    inject: Inject
    each: int = 1


S3, S3_SHARE = "S3 fails", 0.1
FILL = Kind("killed at a write", 0.3, kills.killed_at_a_write)

EVERYWHERE = (
    FILL,
    Kind("store damaged", 0.1, rot.store_damaged),
    Kind("ledger damaged", 0.05, rot.ledger_damaged),
    Kind("killed at a moment", 0.2, kills.killed_at_a_moment),
    Kind("one of two drivers killed", 0.12, kills.one_of_two_drivers_killed),
    Kind("invalidated meanwhile", 0.06, invalidations.invalidated_meanwhile),
    Kind("disk full", 0.06, kills.disk_full),
    Kind("image truncated", 0.01, partial(images.damaged_image, truncated=True)),
    Kind("image corrupt", 0.02, partial(images.damaged_image, truncated=False)),
    Kind("Dask worker killed", 0.03, clusters.dask_workers_killed, 3),
    Kind("Ray head killed", 0.04, clusters.ray_workers_and_head_killed, 4),
    Kind("server of the catalog fails", 0.1, servers.catalog_fails, 8),
    Kind("asked to stop", 0.06, servers.asked_to_stop),
    Kind("asked to stop on Dask", 0.01, partial(servers.asked_to_stop, engine="dask")),
    Kind("asked to stop on Ray", 0.01, partial(servers.asked_to_stop, engine="ray")),
)


@contextmanager
def on_hosts(bench: Bench) -> Iterator[tuple[Kind, ...]]:
    """Kinds that need hosts; none, with the reason noted, where there can be none."""
    names = (
        "host killed", "link of the store cut", "link of a Dask worker cut",
        "host of the Dask scheduler killed", "link of a Ray worker cut",
        "host of the Ray head killed",
    )  # fmt: skip
    reason = unavailable()
    if reason:
        for name in names:
            bench.lack(name, reason)
        yield ()
        return
    with Network.up("mcchaos", 3, bench.folder) as lan:
        injections: tuple[Callable[[Bench, str, Network], None], ...] = (
            links.host_killed, links.store_link_cut, links.dask_link_cut,
            links.dask_scheduler_host_killed, links.ray_link_cut, links.ray_head_host_killed,
        )  # fmt: skip
        shares = (0.03, 0.025, 0.01, 0.005, 0.005, 0.005)
        yield tuple(
            Kind(name, share, partial(_on, inject, lan))
            for name, share, inject in zip(names, shares, injections, strict=True)
        )


def _on(
    inject: Callable[[Bench, str, Network], None], lan: Network, bench: Bench, kind: str
) -> None:
    try:
        inject(bench, kind, lan)
    except (AssertionError, subprocess.TimeoutExpired):
        lan.renew()  # what had started would be in the way of the next
        raise


def inject_all(bench: Bench, faults: int, words: Sequence[str]) -> None:
    """Inject every kind in turn; what the time does not allow is left out.

    Where kinds are lacking, or faults came too late to be any, kills make up the number.

    Parameters
    ----------
    bench, faults
        Where, and how many.
    words
        Kinds whose name begins with one of them are injected; none: all kinds.
    """
    if not words or "S3" in words:
        storage.s3_fails(bench, S3, max(1, round(S3_SHARE * faults)))
    with ExitStack() as stack:
        kinds = list(EVERYWHERE)
        if not words or any(word.startswith(("host", "link")) for word in words):
            kinds += stack.enter_context(on_hosts(bench))
        kinds = [kind for kind in kinds if not words or kind.name.startswith(tuple(words))]
        turns = []
        for kind in kinds:
            times = max(1, round(kind.share * faults / kind.each))
            turns += [((turn + 0.5) / times, kind.name, kind) for turn in range(times)]
        # all kinds at an even pace, so that a limit of time cuts each by its share
        for _, _, kind in sorted(turns, key=lambda turn: turn[:2]):
            _inject(bench, kind)
    while not words and bench.faults < faults and time.monotonic() < bench.deadline:
        _inject(bench, FILL)


def _inject(bench: Bench, kind: Kind) -> None:
    """Inject once; a machine so crowded that nothing starts in time is told, and counts as none."""
    if time.monotonic() > bench.deadline:
        return
    try:
        kind.inject(bench, kind.name)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        bench.tallies[kind.name].notes.append(f"given up: {error}")


def main() -> int:
    """Run a campaign; 1 where bytes differed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="begins of the names of kinds")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    # hosts and servers are taken down on the way out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=memory()) as folder:
        bench = Bench(Path(folder), given.seed, begun + given.seconds)
        inject_all(bench, given.faults, given.only)
    undisturbed = (
        f"An undisturbed run ({ROWS * COLUMNS} tiles of two stages: stubbed kernels, real driver, "
        f"ledger and store) takes {bench.undisturbed:.2f} s and {bench.points} writes."
    )
    ran = f"seed {given.seed}, {time.monotonic() - begun:.0f} s"
    text = report(bench.tallies, ran, undisturbed)
    if given.out:
        keep_section(given.out, "Faults", text)
    print(text)
    print(json.dumps({kind: tally.faults for kind, tally in bench.tallies.items()}))
    return int(any(tally.differences for tally in bench.tallies.values()))


if __name__ == "__main__":
    sys.exit(main())

"""Processes killed at a write or at any moment, and a disk that is full."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from functools import partial

from chaos.bench import Bench, drive
from services.kill_points import Countdown
from services.runs import ended, forked, started


def killed_at_a_write(bench: Bench, kind: str) -> None:
    store, n = bench.fresh(), bench.rng.randint(1, bench.points)
    after = bench.rng.random() < 0.5

    def disturbed() -> int:
        Countdown(n, after)
        return drive(store)

    code = forked(disturbed)
    if code:  # racing writes may be fewer than were counted
        bench.resumed(kind, store, f"{'after' if after else 'before'} {n}: {code}")


def killed_at_a_moment(bench: Bench, kind: str) -> None:
    store, moment = bench.fresh(), bench.rng.uniform(0, bench.undisturbed)
    child = started(partial(drive, store))
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    code = ended(child)
    if code:  # it had not ended
        bench.resumed(kind, store, f"at {moment:.3f} s: {code}")


def one_of_two_drivers_killed(bench: Bench, kind: str) -> None:
    store, moment = bench.fresh(), bench.rng.uniform(0, bench.undisturbed)
    one, two = started(partial(drive, store)), started(partial(drive, store))
    time.sleep(moment)
    since = time.monotonic()
    os.kill(one, signal.SIGKILL)
    codes = ended(one), ended(two)
    same = codes[1] == 0 and not bench.wrong(store)
    if codes[0] or not same:
        bench.note(kind, since, same, told=f"at {moment:.3f} s: {codes}")


def disk_full(bench: Bench, kind: str) -> None:
    """A file system of its own, in memory, that is made larger afterwards."""
    disk, pages = bench.folder / "disk", bench.rng.randint(8, bench.pages)
    disk.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={4 * pages}k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        bench.lack(kind, "a file system cannot be mounted here")
        return
    try:
        code = forked(partial(drive, disk / "store"))
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        if code:
            bench.resumed(kind, disk / "store", f"{4 * pages} KiB: {code}")
    finally:
        subprocess.run(["umount", str(disk)], check=True)

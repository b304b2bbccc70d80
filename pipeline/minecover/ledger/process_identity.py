"""Who holds a lease: a process of a host, and whether it still lives."""

from __future__ import annotations

import hashlib
import os
import socket
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["is_dead", "this_process"]

PROC = Path("/proc")


def this_process() -> dict[str, Any]:
    """Identify this process for others.

    Returns
    -------
    `host`, `pid`, and on Linux `place` and `started`, by which a process of the same place can
    tell whether this one still runs.
    """
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "pid": pid,
        "place": _place(pid),
        "started": _started(pid),
    }


def is_dead(owner: dict[str, Any]) -> bool:
    """Tell whether a process is surely gone; False where it cannot be seen from here.

    A killed worker of this machine need not hold its tile until the lease runs out. Only a
    process of the same boot and the same process namespace is judged: in another container the
    same number is another process.
    """
    place = _place(os.getpid())
    if place is None or owner.get("place") != place:
        return False
    return _started(int(owner["pid"])) != str(owner.get("started"))


@cache
def _place(pid: int) -> str | None:
    """Name the boot and the process namespace of process `pid`, which is this one."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text()
        return hashlib.sha256(
            f"{boot}{os.readlink(PROC / str(pid) / 'ns/pid')}".encode()
        ).hexdigest()[:16]
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """Clock ticks from boot to the start of a process, or None where it does not run.

    Fields 3 and 22 of proc_pid_stat(5); the name before them may hold spaces and brackets.
    """
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]

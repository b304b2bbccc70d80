"""The machine at hand: its processor, its memory, and what a container may use of it."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path

import psutil

__all__ = [
    "describe",
    "free_memory",
    "memory_limit",
    "peak_memory",
    "processor",
    "total_memory",
]

CONTROL_GROUP = Path("/sys/fs/cgroup")
"""Folder of the process's control group, version 2."""


def processor() -> str:
    """Model of the processor as the system names it, or its architecture."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = {
        line.partition(":")[2].strip()
        for line in lines
        if line.startswith(("model name", "Processor"))
    }
    return " and ".join(sorted(names)) or platform.machine()


def describe() -> str:
    """Describe this machine in a few words."""
    return f"{processor()}, {os.cpu_count()} cores, {total_memory() / 2**30:.0f} GiB"


def memory_limit(control_group: Path = CONTROL_GROUP) -> int | None:
    """Bytes that a control group may use; None where there is no limit."""
    try:
        text = (control_group / "memory.max").read_text().strip()
    except OSError:
        return None
    return None if text == "max" else int(text)


def total_memory(control_group: Path = CONTROL_GROUP) -> int:
    """Bytes of memory of this machine, or of this container where it is limited to less."""
    limit = memory_limit(control_group)
    total = int(psutil.virtual_memory().total)
    return total if limit is None else min(total, limit)


def free_memory(control_group: Path = CONTROL_GROUP) -> int:
    """Bytes that are free on this machine, or that the container's limit leaves if those are fewer.

    A limit whose use cannot be read counts as unused.
    """
    free, limit = int(psutil.virtual_memory().available), memory_limit(control_group)
    if limit is None:
        return free
    try:
        used = int((control_group / "memory.current").read_text())
    except OSError:
        used = 0
    return min(free, max(0, limit - used))


def peak_memory() -> int:
    """Bytes of the highest resident size that this process has had.

    Linux counts what the parent held at the start of a process into the usage that
    `resource` reports, but not into the status of the process.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])

"""What the machine says of itself, and what a container's limit leaves of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from minecover.engines.machine import (
    describe,
    free_memory,
    memory_limit,
    peak_memory,
    processor,
    total_memory,
)


def test_the_machine_is_described() -> None:
    assert processor() in describe()
    assert f"{os.cpu_count()} cores" in describe()


def test_limits_of_a_container(tmp_path: Path) -> None:
    whole = psutil.virtual_memory().total
    for text, limit in ((None, None), ("max\n", None), ("1048576\n", 2**20)):
        if text is not None:
            (tmp_path / "memory.max").write_text(text)
        assert memory_limit(tmp_path) == limit
        assert total_memory(tmp_path) == (whole if limit is None else limit)


def test_a_container_leaves_what_its_limit_leaves(tmp_path: Path) -> None:
    assert free_memory(tmp_path) > 2**20
    (tmp_path / "memory.current").write_text("300\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(tmp_path) > 2**20
    for limit, left in (("1000\n", 700), ("200\n", 0)):
        (tmp_path / "memory.max").write_text(limit)
        assert free_memory(tmp_path) == left


def test_the_peak_only_rises() -> None:
    before = peak_memory()
    block = bytearray(64 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    assert peak_memory() >= before
    del block
    assert peak_memory() >= before >= 2**20


def test_what_the_parent_holds_is_not_the_childs() -> None:
    block = bytearray(256 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    ask = "from minecover.engines.machine import peak_memory; print(peak_memory())"
    child = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True)
    assert int(child.stdout) < 256 * 2**20 <= peak_memory()
    del block

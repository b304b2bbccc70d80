"""A small campaign of faults."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from services.runs import environment

pytestmark = [pytest.mark.integration, pytest.mark.alone]


def test_a_small_campaign_ends_in_the_same_bytes() -> None:
    told = subprocess.run(
        # the number of faults is the limit: a slow machine takes longer and injects as many
        [sys.executable, "-m", "chaos.campaign", "--faults", "20", "--seconds", "500",
         "--only", "killed", "store", "ledger", "invalidated", "disk", "image", "S3"],
        env=environment(), capture_output=True, text=True, timeout=560, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    faults = json.loads(told.stdout.splitlines()[-1])
    assert faults["killed at a write"] >= 3
    assert faults["store damaged"] >= 1
    assert faults["S3 fails"] >= 1
    assert faults["image corrupt"] >= 1
    assert sum(faults.values()) >= 12

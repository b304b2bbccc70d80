"""A survey whose store pods can reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from _manifest_samples import survey
from minecover.survey import Survey


@pytest.fixture
def dongsheng(tmp_path: Path) -> Survey:
    return survey(tmp_path, store="s3://bucket/dongsheng")

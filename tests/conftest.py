"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# what a test finds does not depend on how busy the machine is
settings.register_profile("minecover", deadline=None)
settings.load_profile("minecover")

LONGEST = (
    "test_documentation", "test_strzegom", "test_notebook", "test_plan_command",
    "test_survey_run", "test_demo_command", "test_s3_survey", "test_survey_of_periods",
    "test_doors", "test_cli", "test_regional_survey", "test_large_areas", "test_stac_api",
)  # fmt: skip
"""What takes minutes, the longest first."""

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real satellite data beside the checkout; absent on a user's machine."""
    if not SHARED.is_dir():
        pytest.skip("real data (../shared/data) is not beside this checkout")
    return SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the files that take longest come first: no process is left with one at the end."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))

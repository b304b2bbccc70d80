"""Pixels masked on nearly every date: bright mines come back, clouds stay out."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _catalogs import CatalogWriter, cube_names, cube_of, scenes_of, source_of, survey_over
from minecover.sources.persistent_masks import CLEAR, MASKED, UNSEEN, taken_back
from minecover.survey import Survey
from minecover.testing.invariants import assert_same_bits

MINE = (0.28, 0.45)
"""Reflectance of a bright mine in the blue and at 1.6 µm."""
BLUE = (0.29, 0.27, 0.28, 0.30, 0.28, 0.26, 0.29, 0.28)


def pixel(
    states: list[np.uint8], visible: tuple[float, ...], infrared: tuple[float, ...] | None = None
) -> list[bool]:
    """What is taken back at one pixel; the infrared 0.17 above unless it is given."""
    blue = np.array(visible, np.float32)
    red = blue + np.float32(0.17) if infrared is None else np.array(infrared, np.float32)
    shape = (len(states), 1, 1)
    found = taken_back(
        np.array(states, np.uint8).reshape(shape), blue.reshape(shape), red.reshape(shape)
    )
    return found.ravel().tolist()


def test_ground_that_does_not_change_is_taken_back() -> None:
    assert pixel([MASKED] * 8, BLUE) == [True] * 8
    # what is clear already is not taken back
    assert pixel([CLEAR, *[MASKED] * 7], BLUE) == [False, *[True] * 7]


def test_dates_that_differ_stay_masked() -> None:
    cloud, shadow = 0.62, 0.11
    blue = (*BLUE[:6], cloud, shadow)
    assert pixel([MASKED] * 8, blue) == [True] * 6 + [False] * 2


def test_fewer_dates_or_more_clear_ones_change_nothing() -> None:
    assert not any(pixel([MASKED] * 5, BLUE[:5]))
    assert not any(pixel([MASKED] * 8 + [UNSEEN], (*BLUE[:4], np.nan, np.nan, np.nan, 0.28, 0.28)))
    assert not any(pixel([CLEAR, CLEAR, *[MASKED] * 6], BLUE))  # a quarter is clear


def test_a_clear_date_that_shows_other_ground_is_a_witness() -> None:
    assert not any(pixel([CLEAR, *[MASKED] * 7], (0.05, *BLUE[1:])))
    assert any(pixel([CLEAR, *[MASKED] * 7], BLUE))


@pytest.mark.parametrize(
    ("name", "visible", "infrared"),
    [
        ("white cloud, always the same", 0.60, 0.55),
        ("snow", 0.80, 0.10),
        ("water", 0.05, 0.01),
        ("soil in shadow, lit by the sky", 0.04, 0.03),
    ],
)
def test_what_is_darker_in_the_infrared_is_no_ground(
    name: str, visible: float, infrared: float
) -> None:
    assert not any(pixel([MASKED] * 8, (visible,) * 8, (infrared,) * 8)), name
    assert all(pixel([MASKED] * 8, (visible,) * 8, (1.2 * visible,) * 8))


def test_thin_cloud_of_many_thicknesses_has_no_gap() -> None:
    thickness = np.linspace(0.02, 0.4, 12)
    blue, red = (g * (1 - thickness) + 0.62 * thickness for g in (0.12, 0.35))
    assert not any(pixel([MASKED] * 12, tuple(blue), tuple(red)))


def clouds(dates: int, pixels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Simulated cloud of any thickness over soil: blue and 1.6 µm, (date, 1, pixel)."""
    rng = np.random.default_rng(seed)
    thickness = rng.uniform(0.05, 1, (dates, 1, pixels))
    top = rng.normal((0.62, 0.40), 0.1, (dates, 1, pixels, 2))
    ground = np.array((0.12, 0.35)) * rng.normal(1, 0.05, (dates, 1, pixels, 1))
    seen = ground * (1 - thickness[..., None]) + top * thickness[..., None]
    return seen[..., 0].astype(np.float32), seen[..., 1].astype(np.float32)


@pytest.mark.parametrize("dates", [6, 8, 12])
def test_true_clouds_on_every_date_stay_masked(dates: int) -> None:
    visible, infrared = clouds(dates, 4000)
    found = taken_back(np.full(visible.shape, MASKED), visible, infrared)
    assert found.mean() < 0.005


@given(
    seed=st.integers(0, 999),
    dates=st.integers(1, 12),
    cuts=st.lists(st.integers(1, 11), max_size=3),
)
@settings(max_examples=30, deadline=None)
def test_only_masked_observations_are_taken_back_and_only_by_their_own_pixel(
    seed: int, dates: int, cuts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    shape = (dates, 5, 12)
    states = rng.choice([UNSEEN, CLEAR, MASKED], shape, p=[0.05, 0.05, 0.9])
    visible = (0.28 + rng.normal(0, 0.02, shape)).astype(np.float32)
    visible[rng.random(shape) < 0.05] = np.nan
    infrared = visible + np.float32(0.2)
    whole = taken_back(states, visible, infrared)
    assert (states[whole] == MASKED).all()
    assert np.isfinite(visible[whole]).all()
    edges = sorted({0, *cuts, 12})
    parts = [
        taken_back(states[..., a:b], visible[..., a:b], infrared[..., a:b])
        for a, b in pairwise(edges)
    ]
    assert_same_bits(np.concatenate(parts, axis=2), whole)


DATES = 8
CLOUDY = (2, 5)
"""Dates on which a cloud lies over the left half of the mine."""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight dates of a simulated district: a mine taken for cloud, and ground under cloud.

    The classification of 20 m calls rows 8 to 16, columns 8 to 24, cloud on every date: a bright
    mine. Rows 24 and below are under real clouds on every date. The rest is clear grass.
    """
    rng = np.random.default_rng(1)
    writer = CatalogWriter(tmp_path_factory.mktemp("mine"))
    sky = [band.reshape(DATES, 8, 32) for band in clouds(DATES, 8 * 32, 3)]
    for date in range(DATES):
        images = []
        for n, (grass, mine, cloud) in enumerate(((0.05, MINE[0], 0.62), (0.2, MINE[1], 0.40))):
            ground = np.full((32, 32), grass)
            ground[8:16, 8:24] = mine
            ground *= rng.normal(1, 0.03) + rng.normal(0, 0.01, ground.shape)
            if date in CLOUDY:
                ground[8:16, 8:16] = cloud
            ground[24:] = sky[n][date]
            images.append((1e4 * ground).astype(np.uint16))
        scl = np.full((32, 32), 4, np.uint8)
        scl[8:16, 8:24] = 8 + date % 2
        scl[24:] = 9
        rasters = {"B11": images[1], "SCL": scl}
        writer.sentinel2(
            f"d{date}", f"2021-06-{3 + 3 * date:02d}T03:00:00Z",
            np.kron(images[0], np.ones((2, 2), np.uint16)),
            rasters=rasters, pixels=dict.fromkeys(rasters, 20.0),
        )  # fmt: skip
    return writer.write()


def survey(catalog: Path, **changes: object) -> Survey:
    return survey_over(catalog, sources={"sentinel2": {"scl": "SCL"} | changes})


def composed(given: Survey) -> np.ndarray:
    return source_of(given, "sentinel2").compose(scenes_of(given, "sentinel2", "summer"))


def test_a_bright_mine_is_observed_on_its_clear_dates(catalog: Path) -> None:
    before = composed(survey(catalog, spare_bare_ground=False))
    after = composed(survey(catalog))
    assert (before[-1, 16:32, 16:48] == 0).all()
    assert np.isnan(before[:-1, 16:32, 16:48]).all()
    assert (after[-1, 16:32, 16:32] == DATES - len(CLOUDY)).all()
    assert (after[-1, 16:32, 32:48] == DATES).all()
    assert after[0, 16:32, 16:48] == pytest.approx(MINE[0], rel=0.1)
    assert after[8, 18:30, 18:46] == pytest.approx(MINE[1], rel=0.1)  # its edge is interpolated
    # ground under cloud stays without an observation, and the rest stays as it was
    assert (after[-1, 48:] == 0).mean() > 0.98
    rest = np.ones((64, 64), bool)
    rest[15:33, 15:49] = rest[47:] = False  # bands of 20 m are interpolated across the edges
    assert_same_bits(after[:, rest], before[:, rest])
    assert (after[-1][rest] == DATES).all()


def test_it_is_the_same_however_the_grid_is_cut(catalog: Path, tmp_path: Path) -> None:
    whole = survey(catalog)
    made = cube_of(whole.replace(grid__tile=32), tmp_path)
    names = cube_names(whole)
    rows = [names.index(f"summer_{band.name}") for band in source_of(whole, "sentinel2").bands]
    assert_same_bits(made[[*rows, names.index("summer_CLEAR")]], composed(whole))

"""Statistics of bands, whatever the blocks in which they are counted, and styles made of them."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from minecover.products import statistics
from minecover.products.palette import DIVERGING, SEQUENTIAL, TERRAIN
from minecover.products.raster_style import ramp_style
from minecover.products.statistics import Statistics


def tags_of(measured: Statistics, bands: int) -> list[dict[str, float]]:
    size = {"width": 1, "height": 1, "count": bands, "dtype": "uint8"}
    place = rasterio.Affine(2, 0, 0, 0, -2, 0)
    with MemoryFile() as file, file.open(driver="GTiff", transform=place, **size) as dataset:
        measured.describe(dataset)
        return [{k: float(v) for k, v in dataset.tags(i).items()} for i in dataset.indexes]


@given(st.integers(0, 2**16), st.integers(1, 40), st.sampled_from([float("nan"), -9.0, None]))
def test_blocks_add_up_to_the_whole(seed: int, cut: int, nodata: float | None) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(1000, 3, (2, 40, 30)).astype(np.float32)
    holes = rng.random(values.shape) < 0.2
    if nodata is not None:
        values[holes] = nodata
    measured = Statistics(2, (40, 30))
    measured.add(values[:, :cut], nodata)
    measured.add(values[:, cut:], nodata)
    for band, tags in zip(values.astype(float), tags_of(measured, 2), strict=True):
        seen = band[np.isfinite(band) & (band != nodata)]
        assert tags["STATISTICS_MEAN"] == pytest.approx(seen.mean(), rel=1e-8)
        assert tags["STATISTICS_STDDEV"] == pytest.approx(seen.std(), rel=1e-4)
        assert tags["STATISTICS_MINIMUM"] == pytest.approx(seen.min(), rel=1e-8)
        assert tags["STATISTICS_MAXIMUM"] == pytest.approx(seen.max(), rel=1e-8)
        assert tags["STATISTICS_VALID_PERCENT"] == pytest.approx(100 * seen.size / band.size)


def test_the_range_shown_is_without_outliers(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.linspace(0, 100, 10_000, dtype=np.float32).reshape(1, 100, 100)
    values[0, 0, :5] = 1e6
    measured = Statistics(1, (100, 100))
    measured.add(values, float("nan"))
    assert measured.range((1,)) == pytest.approx((2, 98), abs=0.2)
    monkeypatch.setattr(statistics, "SAMPLE", 1)
    sparse = np.full((1, 100, 100), np.nan)
    sparse[0, 7, 7:9] = 3, 5
    for pixels, expected in ((sparse, (3, 5)), (sparse * np.nan, (0, 1)), (sparse * 0, (0, 1))):
        measured = Statistics(1, (100, 100))
        measured.add(pixels, float("nan"))
        assert measured.range((1,)) == expected


@pytest.mark.parametrize(
    ("low", "high", "unit", "colours", "ends"),
    [
        (-0.2, 0.8, "1", DIVERGING, (-0.8, 0.8)),
        (0.1, 0.8, "1", SEQUENTIAL, (0.1, 0.8)),
        (-3, 1200, "m", TERRAIN, (-3, 1200)),
    ],
)
def test_a_ramp_parts_at_zero_but_for_heights(
    low: float, high: float, unit: str, colours: tuple[str, ...], ends: tuple[float, float]
) -> None:
    shader = ramp_style(low, high, unit).find("pipe/rasterrenderer/rastershader/colorrampshader")
    assert shader is not None
    items = shader.findall("item")
    assert tuple(item.get("color") for item in items) == colours
    values = [float(str(item.get("value"))) for item in items]
    assert values == pytest.approx(np.linspace(*ends, len(colours)), rel=1e-4, abs=1e-6)
    assert items[0].get("label", "").endswith(" m") is (unit == "m")

"""Embeddings: decoded as published, of the right year, and refused where two files do not agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import zarr
from affine import Affine
from numpy.testing import assert_allclose

from _catalogs import (
    EPSG,
    LEFT,
    TOP,
    Array,
    CatalogWriter,
    cube_names,
    cube_of,
    frozen,
    scenes_of,
    source_of,
    survey_over,
)
from minecover.errors import DataError, SurveyError
from minecover.sources.embedding_seams import agreement_of
from minecover.sources.settings import year_of
from minecover.survey import Survey

BANDS = 4
NAMES = [f"embedding_{n:02}" for n in range(BANDS)]


def numbers_of(shape: tuple[int, int] = (64, 64), seed: int = 1) -> npt.NDArray[np.int8]:
    """Vectors of int8 that change slowly from pixel to pixel, as those of a model do."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    phases = np.random.default_rng(seed).uniform(0, 6.28, BANDS)
    waves = [100 * np.cos(phase + (x + 2 * y) / 60) for phase in phases]
    return np.round(waves).astype(np.int8)


def write_bands(
    path: Path,
    numbers: Array,
    *,
    left: float = LEFT,
    top: float = TOP,
    crs: int = EPSG,
    from_south: bool = False,
) -> str:
    affine = Affine(10, 0, left, 0, -10, top)
    if from_south:
        affine, numbers = affine @ Affine(1, 0, 0, 0, -1, numbers.shape[1]), numbers[:, ::-1]
    with rasterio.open(
        path, "w", driver="GTiff", count=len(numbers), height=numbers.shape[1],
        width=numbers.shape[2], dtype=numbers.dtype, crs=f"EPSG:{crs}",
        transform=affine,
    ) as raster:  # fmt: skip
        raster.write(numbers)
    return str(path)


def write_store(path: Path, numbers: Array, scales: Array, years: list[int]) -> str:
    """Write a store as TESSERA has them: (time, band, y, x), placed by its group."""
    place = {"proj:code": f"EPSG:{EPSG}", "spatial:transform": [10, 0, LEFT, 0, -10, TOP]}
    group = zarr.open_group(path / "utm49", mode="w", attributes=place)
    axes = ("time", "band", "y", "x")
    for name, values, named, chunks in (
        ("embeddings", numbers, axes, (1, 3, 20, 20)),
        ("scales", scales, ("time", "y", "x"), (1, 20, 20)),
        ("time", np.array(years, np.int32), ("time",), (len(years),)),
    ):
        group.create_array(name, data=values, chunks=chunks, dimension_names=named)
    return str(path / "utm49")


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogWriter:
    writer = CatalogWriter(tmp_path / "catalog")
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 1000, np.uint16))
    return writer


def survey_with(catalog: CatalogWriter, **section: Any) -> Survey:
    return survey_over(catalog.write(), sources={"embeddings": {"bands": BANDS, **section}})


def composed(survey: Survey) -> Array:
    source = source_of(survey, "embeddings")
    return np.stack(source.compose(scenes_of(survey, "embeddings")))


def test_numbers_of_alphaearth_become_values_as_published(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    numbers = numbers_of()
    numbers[:, 3, 5] = -128
    numbers[:, 0, :3] = [[127], [-127], [0], [1]]
    path = write_bands(tmp_path / "a.tif", numbers)
    found = composed(survey_with(catalog, files=path, encoding="alphaearth"))
    assert_allclose(found[:, 0, 0], [0.99217224, -0.99217224, 0, 6.1514802e-05], rtol=1e-6)
    assert np.isnan(found[:, 3, 5]).all()
    whole = numbers.astype(float)
    expected = np.sign(whole) * (whole / 127.5) ** 2
    expected[:, 3, 5] = np.nan
    assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("off", [0, 3.7])
def test_rows_from_south_to_north_give_the_same_bits(
    catalog: CatalogWriter, tmp_path: Path, off: float
) -> None:
    """As AlphaEarth's mirror stores them; simulated, in two files that meet."""
    numbers = numbers_of((80, 40))
    found = []
    for order in ("north", "south"):
        parts = [
            write_bands(
                tmp_path / f"{order}{n}.tif", numbers[:, 40 * n : 40 * n + 40],
                top=TOP + off - 400 * n, from_south=order == "south",
            )
            for n in (0, 1)
        ]  # fmt: skip
        found.append(composed(survey_with(catalog, files=parts, encoding="alphaearth")))
    np.testing.assert_array_equal(found[0], found[1])
    assert np.isfinite(found[0]).any()


def test_an_array_from_south_to_north_gives_the_same_bits(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    numbers, scales = numbers_of()[None], np.full((1, 64, 64), 0.01, np.float32)
    scales[0] += np.arange(64)[:, None] / 1000
    found = []
    for name, rows in (("north", numbers), ("south", numbers[:, :, ::-1])):
        own = scales if name == "north" else scales[:, ::-1]
        group = write_store(tmp_path / f"{name}.zarr", rows, own, [2021])
        if name == "south":
            place = [10, 0, LEFT, 0, 10, TOP - 640]
            zarr.open_group(group, mode="r+").attrs["spatial:transform"] = place
        section = {"files": f"{group}/embeddings", "scales": f"{group}/scales"}
        found.append(composed(survey_with(catalog, **section, encoding="tessera")))
    np.testing.assert_array_equal(found[0], found[1])


def test_the_cube_and_features_have_each_component(catalog: CatalogWriter, tmp_path: Path) -> None:
    path = write_bands(tmp_path / "a.tif", numbers_of().astype(np.float32) / 100)
    survey = survey_with(catalog, files=path)
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    assert list(cube)[-BANDS:] == NAMES
    assert_allclose(cube["embedding_02"], numbers_of()[2] / np.float32(100))
    assert set(NAMES) <= set(survey.feature_catalogue().names)


def test_a_store_with_years_is_read_in_the_year_of_the_seasons(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    numbers = np.stack([numbers_of(seed=n) for n in (1, 2)])
    scales = np.full((2, 64, 64), 0.01, np.float32)
    scales[1] += np.arange(64) / 1000
    scales[1, 0, 0], scales[1, 0, 1] = np.inf, np.nan
    group = write_store(tmp_path / "t.zarr", numbers, scales, [2020, 2021])
    section = {"files": f"{group}/embeddings", "scales": f"{group}/scales", "encoding": "tessera"}
    found = composed(survey_with(catalog, **section))
    expected = numbers[1] * scales[1]
    expected[:, 0, :2] = np.nan
    assert_allclose(found, expected, rtol=1e-6)
    other = composed(survey_with(catalog, **section, year=2020))
    assert_allclose(other, numbers[0] * scales[0], rtol=1e-6)
    with pytest.raises(SurveyError, match=r"embeddings has 2020, 2021, and not 2019.*`sources"):
        frozen(survey_with(catalog, **section, year=2019))


def test_files_are_read_in_the_year_that_they_are_of(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    paths = [write_bands(tmp_path / f"{n}.tif", numbers_of(seed=n)) for n in (1, 2)]
    survey = survey_with(catalog, files=paths, years=[2020, 2021], encoding="alphaearth")
    assert [item.id for item in frozen(survey).items("embeddings", "")] == ["001 2.tif"]
    missing = survey.replace(sources__embeddings__years=(2019, 2020))
    with pytest.raises(SurveyError, match=r"years has 2019, 2020, and not 2021, in which most"):
        frozen(missing)


def test_items_of_a_collection_are_those_of_the_year(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    for n, year in ((1, 2020), (2, 2021)):
        item = catalog.item("clay", f"clay{year}", f"{year}-01-01T00:00:00Z",
                            {"embeddings": np.zeros((64, 64), np.float32)})  # fmt: skip
        path = catalog.folder / "clay" / item["id"] / "embeddings.tif"
        write_bands(path, numbers_of(seed=n).astype(np.float32))
    survey = survey_with(catalog, collection="clay")
    assert_allclose(composed(survey), numbers_of(seed=2))
    with pytest.raises(SurveyError, match="collection: clay has 2020, 2021, and not 2018"):
        frozen(survey.replace(sources__embeddings__year=2018))


def halves(folder: Path, second: Array, overlap: int = 8) -> list[str]:
    """Two files side by side, each a little wider than half of the area."""
    first, middle = numbers_of()[:, :, : 32 + overlap], LEFT + 10 * (32 - overlap)
    return [
        write_bands(folder / "west.tif", first.astype(second.dtype)),
        write_bands(folder / "east.tif", second[:, :, 32 - overlap :], left=middle),
    ]


@pytest.mark.parametrize("overlap", [8, 0])
def test_two_files_of_one_model_are_one_image(
    catalog: CatalogWriter, tmp_path: Path, overlap: int
) -> None:
    paths = halves(tmp_path, numbers_of(), overlap)
    found = composed(survey_with(catalog, files=paths))
    assert_allclose(found, numbers_of(), rtol=1e-6)


@pytest.mark.parametrize("overlap", [8, 0])
@pytest.mark.parametrize(
    "second", [numbers_of(seed=9).astype(np.float32), numbers_of() / np.float32(127)]
)
def test_files_that_do_not_agree_where_they_meet_are_refused(
    catalog: CatalogWriter, tmp_path: Path, second: Array, overlap: int
) -> None:
    survey = survey_with(catalog, files=halves(tmp_path, second, overlap))
    with pytest.raises(DataError, match=r"000 west.tif and 001 east.tif meet and do not agree"):
        frozen(survey)
    accepted = survey.replace(sources__embeddings__agreement=-1)
    assert len(frozen(accepted).items("embeddings", "")) == 2


def test_agreement_is_the_cosine_of_vectors_of_one_length() -> None:
    first = np.zeros((2, 3, 3), np.float32)
    second = first.copy()
    first[0] = 1
    second[0], second[1] = np.cos(0.5), np.sin(0.5)
    assert agreement_of(first, second) == pytest.approx(np.cos(0.5))
    assert agreement_of(first, 3 * first) == pytest.approx(0.6)
    assert agreement_of(first, first * np.nan) is None
    assert agreement_of(first * 0, first * 0) is None  # nothing but zeros says nothing


def test_files_of_another_model_or_values_decoded_already_are_named(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    path = write_bands(tmp_path / "a.tif", numbers_of() / np.float32(127))
    with pytest.raises(DataError, match=r"a.tif has 4 bands, `sources.embeddings.bands` says 64"):
        frozen(survey_with(catalog, files=path).replace(sources__embeddings__bands=64))
    with pytest.raises(DataError, match=r"its numbers are no int8.*set `encoding: none`"):
        composed(survey_with(catalog, files=path, encoding="alphaearth"))


def test_a_file_beside_the_area_is_left_out_unless_it_is_the_only_one(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    near = write_bands(tmp_path / "near.tif", numbers_of())
    far = write_bands(tmp_path / "far.tif", numbers_of(), left=LEFT + 50_000)
    survey = survey_with(catalog, files=[far, near])
    assert [item.id for item in frozen(survey).items("embeddings", "")] == ["001 near.tif"]
    with pytest.raises(SurveyError, match=r"files: .*far.tif does not touch the area"):
        frozen(survey_with(catalog, files=far))


def test_an_array_with_bands_last_is_refused(catalog: CatalogWriter, tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("v", data=np.zeros((8, 8, BANDS)), dimension_names=("y", "x", "band"))
    with pytest.raises(DataError, match="has the axes y, x, band; write it anew with rows"):
        frozen(survey_with(catalog, files=str(tmp_path / "a.zarr" / "v")))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "give either `files` or `collection`"),
        ({"files": "a.tif", "encoding": "tessera"}, "`scales` goes with `encoding: tessera`"),
        ({"files": ["a.tif", "b.tif"], "years": [2020]}, "`years` has 1 entries.*the 2 `files`"),
    ],
)
def test_sections_that_do_not_fit_together(
    catalog: CatalogWriter, section: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        survey_with(catalog, **section)


def test_the_year_is_that_of_most_days() -> None:
    seasons = {"winter": ["2020-12-01/2021-02-28"], "spring": ["2021-03-01/2021-03-31"]}
    assert year_of(seasons) == 2021
    assert year_of({"a": ["2020-12-01/2020-12-31"], "b": ["2021-01-01/2021-01-31"]}) == 2020

"""Products of Sentinel-2 and netCDF of openEO become a catalog from which a survey reads right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr

import minecover as mc
from _catalogs import EPSG, LEFT, TOP, cube_names, cube_of, frozen, survey_over
from _images import ORDER, SIZE, digital_numbers, reflectance, write_image

NAME = "S2B_MSIL2A_20210610T030541_N0500_R075_T49SDC_20230601T081234"
FINE = ("B02", "B03", "B04", "B08")

GRANULE = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-2A_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile.xsd">
  <n1:General_Info>
    <TILE_ID metadataLevel="Brief">S2B_OPER_MSI_L2A_TL_S2RP_20230601T0812_A0_T49SDC_N05.00</TILE_ID>
    <SENSING_TIME metadataLevel="Standard">2021-06-10T03:13:07.563Z</SENSING_TIME>
  </n1:General_Info>
  <n1:Geometric_Info><Tile_Angles><Mean_Sun_Angle>
    <ZENITH_ANGLE unit="deg">22.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">131.25</AZIMUTH_ANGLE>
  </Mean_Sun_Angle></Tile_Angles></n1:Geometric_Info>
  <n1:Quality_Indicators_Info><Image_Content_QI>
    <CLOUDY_PIXEL_PERCENTAGE>12.5</CLOUDY_PIXEL_PERCENTAGE>
  </Image_Content_QI></n1:Quality_Indicators_Info>
</n1:Level-2A_Tile_ID>
"""

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


def product_xml(offset: int) -> str:
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{n}">{offset}</BOA_ADD_OFFSET>' for n in range(13))
    return (
        '<n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/x.xsd">'
        "<BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>"
        f"<L>{offsets}</L></n1:Level-2A_User_Product>"
    )


def write_product(folder: Path, suffix: str = ".jp2", product: str | None = None) -> Path:
    """Write a product as it is delivered, of 640 m; its upper 16 rows are cloud."""
    safe = folder / f"{NAME}.SAFE"
    granule = safe / "GRANULE" / "L2A_T49SDC_A022260_20210610T030541"
    driver = "JP2OpenJPEG" if suffix == ".jp2" else "GTiff"
    for band in ORDER:
        metres = 10 if band in FINE else 20
        dn = digital_numbers(band)[: 640 // metres, : 640 // metres]
        path = granule / f"IMG_DATA/R{metres}m/T49SDC_20210610T030541_{band}_{metres}m{suffix}"
        write_image(path, [dn], pixel=metres, driver=driver)
        if metres == 10:  # products repeat them at 20 m
            path = granule / f"IMG_DATA/R20m/T49SDC_20210610T030541_{band}_20m{suffix}"
            write_image(path, [dn[:32, :32] * 0], pixel=20, driver=driver)
    codes = np.full((32, 32), 4, np.uint8)
    codes[:8] = 9
    path = granule / f"IMG_DATA/R20m/T49SDC_20210610T030541_SCL_20m{suffix}"
    write_image(path, [codes], pixel=20, driver=driver)
    (granule / "MTD_TL.xml").write_text(GRANULE)
    if product is not None:
        (safe / "MTD_MSIL2A.xml").write_text(product)
    return safe


@pytest.mark.parametrize("suffix", [".jp2", ".tif"])
def test_a_product_is_read_with_what_its_metadata_say(tmp_path: Path, suffix: str) -> None:
    write_product(tmp_path / "2021", suffix, product_xml(-1000))
    survey = survey_over(mc.catalog_from_files(tmp_path), sources={"sentinel2": {"scl": "SCL"}})
    item = frozen(survey).found[0]
    assert (item.id, item.datetime) == (NAME, "2021-06-10T03:13:07+00:00")
    assert (item.platform, item.baseline) == ("sentinel-2b", 5.0)
    assert item.decision == "raster offset -0.1 of the asset"
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    for band in ORDER:
        values = cube[f"summer_{band}"]
        assert np.isnan(values[:16]).all()
        assert np.abs(values[20:] - np.float32(reflectance(band))).max() < 1e-6, band


def test_without_the_metadata_of_the_product_the_baseline_decides(tmp_path: Path) -> None:
    write_product(tmp_path, ".tif")
    survey = survey_over(mc.catalog_from_files(tmp_path), sources={"sentinel2": {"scl": "SCL"}})
    item = frozen(survey).found[0]
    assert item.assets["B8A"].offset == -1000
    assert item.decision == "s2:processing_baseline 05.00"


def test_metadata_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    write_product(tmp_path, ".tif", product_xml(0))
    survey = survey_over(mc.catalog_from_files(tmp_path), sources={"sentinel2": {"scl": "SCL"}})
    with pytest.raises(mc.DataError, match=r"raster offset 0 .* contradicts .*05.00"):
        frozen(survey)


def test_products_that_are_no_such_are_named(tmp_path: Path) -> None:
    write_image(tmp_path / "2021-06-01.tif", [digital_numbers(b) for b in ORDER], ORDER)
    safe = write_product(tmp_path, ".tif")
    next(safe.glob("GRANULE/*/IMG_DATA/R20m/*_SCL_20m.tif")).unlink()
    (tmp_path / NAME.replace("L2A", "L1C")).with_suffix(".SAFE").mkdir()
    (tmp_path / "S2A_MSIL2A_20210601T0.SAFE").mkdir()
    bomb = tmp_path / "S2A_MSIL2A_20210602T0.SAFE/GRANULE/L2A/MTD_TL.xml"
    bomb.parent.mkdir(parents=True)
    bomb.write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    with pytest.warns(UserWarning, match=r"mc\.catalog_from_files: ") as caught:
        mc.catalog_from_files(tmp_path, offset=-1000)
    texts = [str(warning.message) for warning in caught]
    for part in (
        f"{NAME}.SAFE: it has no image of SCL_20m; download the product again",
        "it is of Level-1C; only Level-2A is surface reflectance",
        "S2A_MSIL2A_20210601T0.SAFE: it has no GRANULE/*/MTD_TL.xml",
        "MTD_TL.xml: this is no metadata of a product",
    ):
        assert sum(part in text for text in texts) == 1, (part, texts)


def cube_of_openeo(dates: list[str]) -> xr.Dataset:
    """Build a cube as openEO saves one: a variable a band over t, y, x."""
    ones = np.ones((len(dates), SIZE, SIZE), np.int16)
    bands = {
        f"S2-L2A-{band}": (
            ("t", "y", "x"),
            ones * np.array([digital_numbers(band, n, 0)[0, 0] for n in range(len(dates))],
                            np.int16)[:, None, None],
            {"grid_mapping": "crs", "_FillValue": np.int16(-32768)},
        )
        for band in ORDER
    }  # fmt: skip
    wkt = rasterio.CRS.from_epsg(EPSG).to_wkt()
    steps = 10.0 * np.arange(SIZE) + 5
    return xr.Dataset(
        {**bands, "crs": ((), np.int32(0), {"crs_wkt": wkt, "spatial_ref": wkt})},
        {
            "t": pd.to_datetime(dates),
            "y": ("y", TOP - steps, {"standard_name": "projection_y_coordinate", "units": "m"}),
            "x": ("x", LEFT + steps, {"standard_name": "projection_x_coordinate", "units": "m"}),
        },
    )


def test_netcdf_of_openeo_is_rewritten_date_by_date(tmp_path: Path) -> None:
    dates = ["2021-06-01", "2021-07-01"]
    cube_of_openeo(dates).to_netcdf(tmp_path / "openEO.nc", engine="scipy")
    path = mc.catalog_from_files(tmp_path, offset=0)
    seasons = {"june": ["2021-06-01/2021-06-30"], "july": ["2021-07-01/2021-07-31"]}
    survey = survey_over(path, seasons=seasons)
    assert len(list((tmp_path / "stac/images").glob("openEO_2021*.tif"))) == 2
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    for number, season in enumerate(seasons):
        for band in ORDER:
            expected = np.float32(reflectance(band, number))
            assert np.abs(cube[f"{season}_{band}"] - expected).max() < 1e-6, (season, band)


def test_netcdf_without_time_is_left_out_and_named(tmp_path: Path) -> None:
    cube_of_openeo(["2021-06-01"]).isel(t=0, drop=True).to_netcdf(tmp_path / "a.nc", engine="scipy")
    with pytest.raises(
        mc.SurveyError, match=r"a\.nc: its variables have no time that is understood"
    ):
        mc.catalog_from_files(tmp_path, offset=0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_a_real_cube_of_openeo(shared_data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cube.nc"
    copy.write_bytes((shared_data / "multisource/cdse_sentinel2_l2a.nc").read_bytes())
    with pytest.warns(UserWarning, match=r"say .*`sources\.sentinel2\.bands: \[B04, B08, B11\]`"):
        mc.catalog_from_files(tmp_path, baseline="05.09")
    images = sorted((tmp_path / "stac/images").glob("*.tif"))
    assert [path.name[5:13] for path in images][::11] == ["20230402", "20230430"]
    with rasterio.open(images[3]) as image, rasterio.open(f"netcdf:{copy}:S2-L2A-B08") as cube:
        assert image.descriptions == ("B04", "B08", "B11", "SCL")
        assert np.array_equal(image.read(2), cube.read(4))
        assert (image.transform, image.nodata) == (cube.transform, cube.nodata)

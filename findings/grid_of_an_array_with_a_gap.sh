#!/bin/bash
# An array from which columns were dropped gets a grid from rioxarray and from odc-geo, each another one.
#
# Seen with odc-geo 0.5.3, rioxarray 0.19.0, xarray 2026.9.0 on 28 November 2026.
# Six columns of 10 m, of which two in the middle hold no data: `dropna("x")` leaves x at 5, 15, 45, 55.
# odc-geo takes the step of the first two pixels for all (10 m, so that the last columns move 20 m), rioxarray
# the mean step (16.67 m, so that every column moves or is stretched). Neither warns, a GeoTIFF written from
# the array has values where there were none, and the two disagree on where it lies. A guess would be that
# coordinates that make no affine grid are refused.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    odc-geo==0.5.3 rioxarray==0.19.0 xarray==2026.9.0 rasterio==1.4.4 numpy==2.4.6 "pandas==2.3.3" \
    dask==2026.8.0
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import sys

import numpy as np
import odc.geo.xr  # gives arrays their .odc
import rasterio
import rioxarray  # gives arrays their .rio
import xarray as xr

values = np.tile([1.0, 2.0, np.nan, np.nan, 5.0, 6.0], (3, 1))
whole = xr.DataArray(
    values, dims=("y", "x"), coords={"y": [25.0, 15.0, 5.0], "x": 5.0 + 10.0 * np.arange(6)}
).rio.write_crs("EPSG:32649")
gap = whole.dropna("x")
path = f"{sys.argv[1]}/gap.tif"
gap.rio.to_raster(path)
with rasterio.open(path) as file:
    at_35 = float(file.read(1)[1, file.index(35.0, 15.0)[1]])
seen = [
    ("x that are left", gap.x.values.tolist()),
    ("odc-geo: width of a pixel, right edge", [gap.odc.geobox.affine.a, gap.odc.geobox.boundingbox.right]),
    ("rioxarray: width of a pixel, left edge", [round(gap.rio.transform().a, 2), round(gap.rio.bounds()[0], 2)]),
    ("its GeoTIFF at x = 35, where no data was", at_35),
]
expected = [[5.0, 15.0, 45.0, 55.0], [10.0, 40.0], [16.67, -3.33], 5.0]
for what, value in seen:
    print(f"{what:<42} {value}")
sys.exit([value for _, value in seen] != expected)
PYTHON

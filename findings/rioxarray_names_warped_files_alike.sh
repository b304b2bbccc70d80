#!/bin/bash
# Two lazy arrays that rioxarray opens from one file on two grids are taken for the same by Dask.
#
# Seen with rioxarray 0.19.0, rasterio 1.4.4, dask 2026.8.0 on 28 November 2026.
# `open_rasterio(WarpedVRT(...), chunks=True)` names its chunks by the file alone, not by the resampling or
# the grid of the warp. An average and a nearest-neighbour version of one file, each right when computed by
# itself, have one name: their lazy difference is 0 everywhere, where the computed arrays differ. A guess would
# be that what decides pixels is part of the name.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    rioxarray==0.19.0 rasterio==1.4.4 dask==2026.8.0 xarray==2026.9.0 numpy==2.4.6 "pandas==2.3.3"
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import sys

import numpy as np
import rasterio
import rioxarray
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.vrt import WarpedVRT

path = f"{sys.argv[1]}/numbers.tif"
values = np.arange(64, dtype=np.float32).reshape(8, 8)
grid = {"crs": "EPSG:32649", "transform": from_origin(500_000, 4_000_000, 10, 10)}
with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype="float32", **grid) as file:
    file.write(values, 1)


def coarse(resampling):
    with rasterio.open(path) as file:
        place = from_origin(500_000, 4_000_000, 20, 20)
        with WarpedVRT(file, crs=file.crs, transform=place, width=4, height=4, resampling=resampling) as warped:
            return rioxarray.open_rasterio(warped, chunks=True)


mean, near = coarse(Resampling.average), coarse(Resampling.nearest)
seen = [
    ("one name in Dask", mean.data.name == near.data.name),
    ("largest difference, lazy", float(abs(mean - near).max())),
    ("largest difference, each computed first", float(abs(mean.compute() - near.compute()).max())),
]
for what, value in seen:
    print(f"{what:<42} {value}")
same, lazy, computed = (value for _, value in seen)
sys.exit(not (same and lazy == 0.0 and computed > 0.0))
PYTHON

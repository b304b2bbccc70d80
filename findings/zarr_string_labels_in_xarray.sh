#!/bin/bash
# Text labels that xarray reads back from a Zarr v3 store cannot be reindexed or aligned.
#
# Seen with xarray 2026.9.0, zarr 3.1.6, numpy 2.4.6 on 28 November 2026.
# Labels of a dimension and of a second coordinate along it are Python text (dtype object), as pandas
# gives them. They come back as NumPy's StringDType, for which there is no common type with the float NaN that xarray fills
# gaps with: `reindex` to a label that is not there and an outer `align` end in a DTypePromotionError,
# where the same dataset, before it was written, gets NaN among its texts. `astype(str)` is a TypeError.
# A guess would be that a round trip through a store changes no behaviour.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    xarray==2026.9.0 zarr==3.1.6 numpy==2.4.6 "pandas==2.3.3"
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import sys

import numpy as np
import xarray as xr

path = f"{sys.argv[1]}/labels.zarr"
layers = np.array(["summer_B04", "winter_B04"], dtype=object)
seasons = np.array(["summer", "winter"], dtype=object)
before = xr.Dataset(
    {"value": ("layer", [1.0, 2.0])}, coords={"layer": layers, "season": ("layer", seasons)}
)
before.to_zarr(path, zarr_format=3)
after = xr.open_zarr(path, chunks=None).load()
wanted = ["summer_B04", "spring_B04"]


def outcome(work):
    try:
        return str(work())
    except Exception as error:
        return type(error).__name__


def season(dataset):
    return dataset["season"].dtype


seen = [
    ("type of the labels before", str(season(before))),
    ("type of the labels after", str(season(after))),
    ("reindex before", outcome(lambda: season(before.reindex(layer=wanted)))),
    ("reindex after", outcome(lambda: season(after.reindex(layer=wanted)))),
    ("outer align before", outcome(lambda: season(xr.align(before[{"layer": [0]}], before, join="outer")[0]))),
    ("outer align after", outcome(lambda: season(xr.align(after[{"layer": [0]}], after, join="outer")[0]))),
    ("astype(str) after", outcome(lambda: after["season"].astype(str).dtype)),
]
expected = ["object", "StringDType()", "object", "DTypePromotionError", "object", "DTypePromotionError",
            "TypeError"]
for what, value in seen:
    print(f"{what:<26} {value}")
sys.exit([value for _, value in seen] != expected)
PYTHON

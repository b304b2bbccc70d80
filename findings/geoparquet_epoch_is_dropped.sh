#!/bin/bash
# The epoch of coordinates that a GeoParquet file states is dropped by geopandas, and nothing moves with the plates.
#
# Seen with geopandas 1.2.0 and pyproj 3.7.2 (PROJ 9.5.1) on 29 November 2026.
# A point of Australia in ITRF2014, of which the file says (`epoch`, GeoParquet 1.1) that its coordinates are of
# 1997.0. Australia moves 7 cm a year, and GDA2020 moves with it: from ITRF2014 of 1997 it is 1.5 m away, as
# pyproj says where it is given the time. geopandas reads the file without the epoch, and a file that it writes
# again has none. `to_crs` gives the same coordinates to the last bit: PROJ takes a transformation that
# depends on time, and that is not told any, for one of the day at which both frames agree. Nothing warns.
# A guess would be that the epoch is kept beside the CRS, or that a transformation without it is refused.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    geopandas==1.2.0 pyproj==3.7.2 pyarrow==26.0.1 pandas==2.3.3 numpy==2.4.6 shapely==2.2.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import math
import sys
import warnings

import geopandas as gpd
import pyarrow.parquet as pq
import pyproj
import shapely

ITRF2014, GDA2020, EPOCH = "EPSG:9000", "EPSG:7844", 1997.0
given, again = f"{sys.argv[1]}/given.parquet", f"{sys.argv[1]}/again.parquet"


def about(path):
    return json.loads(pq.read_schema(path).metadata[b"geo"])["columns"]["geometry"]


point = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(133, -25)], crs=ITRF2014)
point.to_parquet(given, schema_version="1.1.0")
table = pq.read_table(given)
geo = json.loads(table.schema.metadata[b"geo"])
geo["columns"]["geometry"]["epoch"] = EPOCH
pq.write_table(
    table.replace_schema_metadata({**table.schema.metadata, b"geo": json.dumps(geo).encode()}), given
)
with warnings.catch_warnings():
    warnings.simplefilter("error")
    read = gpd.read_parquet(given)
    read.to_parquet(again)
    moved = read.to_crs(GDA2020).geometry[0]
at_epoch = pyproj.Transformer.from_crs(ITRF2014, GDA2020, always_xy=True).transform(133, -25, 0, EPOCH)
metres = math.hypot((at_epoch[0] - 133) * math.cos(math.radians(25)), at_epoch[1] + 25) * 111_195
seen = [
    ("epoch in the file", about(given).get("epoch")),
    ("epoch in the file that geopandas writes", about(again).get("epoch")),
    ("coordinates after to_crs", [moved.x, moved.y]),
    ("metres that pyproj moves it, given the time", round(metres, 1)),
]
for what, value in seen:
    print(f"{what:<45} {value}")
sys.exit([value for _, value in seen] != [EPOCH, None, [133.0, -25.0], 1.5])
PYTHON

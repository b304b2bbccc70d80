#!/bin/bash
# A Shapefile in Latin 1 is read by pyogrio under some of the names of that encoding only.
#
# Seen with pyogrio 0.13.0 (GDAL 3.12.4) on 28 November 2026.
# A Shapefile with one text, "Wald ö" in Latin 1, without a .cpg and without a language driver. With
# encoding="ISO-8859-1" or "latin1" it is read. With "iso-8859-1" and "latin-1", which Python takes for the same
# encoding, reading ends in a UnicodeDecodeError of 'utf-8': the bytes are decoded by another encoding than was
# asked for. With "cp1252" and "CP1252" it is read.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyogrio==0.13.0 numpy==2.4.6 \
    shapely==2.2.0
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import pathlib
import sys

import numpy as np
import pyogrio
import shapely

path = pathlib.Path(sys.argv[1]) / "a.shp"
place = np.array([shapely.to_wkb(shapely.Point(1, 2))], dtype=object)
text = np.array(["Wald ö"], dtype=object)
pyogrio.raw.write(
    path, place, [text], ["name"], geometry_type="Point", crs="EPSG:4326", encoding="ISO-8859-1"
)
path.with_suffix(".cpg").unlink(missing_ok=True)
table = bytearray(path.with_suffix(".dbf").read_bytes())
table[29] = 0  # no language driver
path.with_suffix(".dbf").write_bytes(table)


def read(encoding):
    try:
        return pyogrio.raw.read(path, encoding=encoding)[3][0][0]
    except UnicodeDecodeError as error:
        return f"UnicodeDecodeError: {error.encoding}"


names = ("ISO-8859-1", "iso-8859-1", "latin-1", "latin1", "cp1252", "CP1252")
seen = {name: read(name) for name in names}
for name, result in seen.items():
    print(f"encoding={name!r}: {result}")
failed = "UnicodeDecodeError: utf-8"
expected = dict.fromkeys(names, "Wald ö") | dict.fromkeys(names[1:3], failed)
sys.exit(seen != expected)
PYTHON

#!/bin/bash
# A chunk of a Zarr array that a server refuses, or fails to give, is read by GDAL as one never written.
#
# Seen with rasterio 1.4.4 (GDAL 3.10.3) on 28 November 2026.
# An array of 4 x 8 numbers in two chunks, Zarr v2 without compression, lies on a web server. The second chunk
# is answered with 200, 403 or 500. Where it is not 200, its numbers are the fill value, and nothing is raised
# or warned of: nodata where the data cannot be read. zarr-python 3.1.6 over obstore raises. A guess would be
# that only 404 means that a chunk was never written.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rasterio==1.4.4 numpy==2.4.6
cat > "$folder/server.py" <<'PYTHON'
import sys
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

folder, status = sys.argv[1], int(sys.argv[2])


class Handler(SimpleHTTPRequestHandler):
    def send_head(self):
        if self.path.endswith("/b/0.1") and status != 200:
            return self.send_error(status)
        return super().send_head()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import json
import pathlib
import subprocess
import sys

import numpy as np
import rasterio

folder = pathlib.Path(sys.argv[1])
array = folder / "a.zarr" / "b"
array.mkdir(parents=True)
(folder / "a.zarr" / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
layout = {"shape": [4, 8], "chunks": [4, 4], "dtype": "<u2", "fill_value": 0, "order": "C"}
(array / ".zarray").write_text(
    json.dumps({"zarr_format": 2, "compressor": None, "filters": None, **layout})
)
for number, value in enumerate((5, 6)):
    np.full((4, 4), value, "<u2").tofile(array / f"0.{number}")


def row(status):
    command = [sys.executable, folder / "server.py", folder, str(status)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            place = f"/vsicurl/http://127.0.0.1:{int(server.stdout.readline())}/a.zarr"
            with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
                with rasterio.open(f'ZARR:"{place}":/b') as file:
                    return file.read(1)[0].tolist()
        finally:
            server.kill()


seen = {status: row(status) for status in (200, 403, 500)}
for status, numbers in seen.items():
    print(f"the second chunk answers {status}: {numbers}")
read, filled = [5, 5, 5, 5, 6, 6, 6, 6], [5, 5, 5, 5, 0, 0, 0, 0]
sys.exit(seen != {200: read, 403: filled, 500: filled})
PYTHON

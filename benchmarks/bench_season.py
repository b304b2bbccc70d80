"""From images to a season's cube: against decoding alone, odc-stac and stackstac.

``python -m benchmarks.bench_season minecover SEASON SMALL STORE 2048 1`` does one thing once, after
a small season, and prints processor seconds (user and system, all threads), seconds, and how many
MiB of memory it took. Without arguments everything is measured, each in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import xarray as xr

from benchmarks.range_server import serving
from benchmarks.row import Aim, Row, show
from benchmarks.season import BANDS, DATES, EDGE, EPSG, LEFT, TOP, survey_of, write_season
from minecover.engines.machine import peak_memory

MASKED = (0, 1, 2, 3, 8, 9, 10)
KEYS = (*BANDS, "SCL")
CPU, FAR = "season composite, processor s", "season composite, 30 ms a request"
FAR_EDGE, FAR_THREADS, LATENCY = 1024, 8, 0.03

Work = Callable[[], object]


def documents(place: str) -> list[dict[str, Any]]:
    """Items of the season with absolute links, as peers want them."""
    items = []
    dates = DATES if "://" in place else len(list(Path(place).glob("date-*")))
    for date in range(dates):
        base = f"{place}/date-{date}"
        if "://" in place:
            with urlopen(f"{base}/item.json") as answer:
                item = json.load(answer)
        else:
            item = json.loads(Path(base, "item.json").read_text())
        for key, asset in item["assets"].items():
            asset |= {"href": f"{base}/{key}.tif", "type": "image/tiff; application=geotiff"}
        item["properties"]["proj:epsg"] = EPSG
        west, south, east, north = item["bbox"]
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        item["geometry"] = {"type": "Polygon", "coordinates": [ring]}
        items.append(item)
    return items


def decode(place: str, store: Path, edge: int, threads: int) -> Work:
    """Read every pixel with rasterio as it lies in the files."""
    import rasterio

    def work() -> None:
        for item in documents(place):
            for asset in item["assets"].values():
                with rasterio.open(asset["href"]) as raster:
                    raster.read(1)

    return work


def minecover(place: str, store: Path, edge: int, threads: int) -> Work:
    """Compose the cube of a survey, tile by tile."""
    from minecover.sources.freeze import freeze
    from minecover.sources.registry import sources_of
    from minecover.sources.source import arrays_of
    from minecover.stages.cube import CubeJob
    from minecover.storage.names import CUBE_RASTER
    from minecover.storage.store import Store
    from minecover.survey.grid import survey_grid

    survey = survey_of(f"{place}/catalog.json", store, edge=edge, threads=threads)
    sources, grid = sources_of(survey.sources), survey_grid(survey)
    freeze(sources, survey.catalog, survey.seasons, grid).save(Store(survey.store))
    arrays = arrays_of(sources, survey.seasons)
    Store(survey.store).create_layers(CUBE_RASTER, grid, arrays, {})
    job = CubeJob(survey.store, survey)
    return lambda: [job(tile) for tile in grid.tiles]


def odc(place: str, store: Path, edge: int, threads: int) -> Work:
    """odc-stac, the mask, the median and a Zarr."""
    import odc.stac
    import pystac
    from odc.geo.geobox import GeoBox

    bounds = (LEFT, TOP - 10 * edge, LEFT + 10 * edge, TOP)
    box = GeoBox.from_bbox(bounds, crs=f"EPSG:{EPSG}", resolution=10)

    def work() -> None:
        items = [pystac.Item.from_dict(item) for item in documents(place)]
        chunks = {"x": 1024, "y": 1024}
        cube = odc.stac.load(items, bands=KEYS, geobox=box, chunks=chunks, resampling="bilinear")
        codes = odc.stac.load(items, bands=["SCL"], geobox=box, chunks=chunks).SCL
        clear = ~codes.isin(MASKED)
        bands = cube[list(BANDS)].to_dataarray()
        _finish(bands, clear, store, threads)

    return work


def stacked(place: str, store: Path, edge: int, threads: int) -> Work:
    """stackstac, the mask, the median and a Zarr."""
    import stackstac
    from rasterio.enums import Resampling

    bounds = (LEFT, TOP - 10 * edge, LEFT + 10 * edge, TOP)

    def stack(assets: list[str], resampling: Resampling) -> xr.DataArray:
        return stackstac.stack(
            documents(place), assets=assets, epsg=EPSG, bounds=bounds, resolution=10,
            chunksize=1024, resampling=resampling, dtype="float32", rescale=False,
            fill_value=np.float32(0), xy_coords=False, properties=False, band_coords=False,
        )  # fmt: skip

    def work() -> None:
        clear = ~stack(["SCL"], Resampling.nearest).isel(band=0, drop=True).isin(MASKED)
        _finish(stack(list(BANDS), Resampling.bilinear), clear, store, threads)

    return work


def _finish(bands: xr.DataArray, clear: xr.DataArray, store: Path, threads: int) -> None:
    """Mask, median over time, and a Zarr; bands in any order of dimensions."""
    import dask

    values = ((bands.astype(np.float32) - 1000) * np.float32(1e-4)).where(clear & (bands > 0))
    scheduler = "synchronous" if threads == 1 else "threads"
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        dask.config.set(scheduler=scheduler, num_workers=threads),
    ):
        warnings.simplefilter("ignore")
        # only what has a meaning for the composite: other coordinates cannot be written
        image = values.median("time", skipna=True).reset_coords(drop=True).rename("reflectance")
        image.drop_attrs().to_dataset().to_zarr(store / "peer.zarr", consolidated=False, mode="w")


PEERS = {"minecover": minecover, "decode": decode, "odc-stac": odc, "stackstac": stacked}


@dataclass(frozen=True)
class Facts:
    """What one thing took in a process of its own.

    Attributes
    ----------
    cpu, wall
        Seconds of the processor, user and system, of all threads; and of the clock.
    memory
        MiB of the highest resident size, beyond that before it began.
    before
        MiB of the highest resident size before: interpreter, imports and a small season.
    requests
        That a server answered meanwhile.
    """

    cpu: float
    wall: float
    memory: float
    before: float
    requests: int = 0


def measured(peer: str, place: str, small: Path, edge: int, threads: int = 1) -> Facts:
    """Do one thing in a process of its own, with a fresh store, after a small season."""
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", "benchmarks.bench_season", peer, place, str(small), store]
        answer = subprocess.run(
            [*command, str(edge), str(threads)], check=True, stdout=subprocess.PIPE, text=True
        )
    return Facts(*json.loads(answer.stdout.splitlines()[-1]))


def far(peer: str, folder: Path, small: Path, threads: int) -> Facts:
    """Do one thing with images on a server that answers each request after a while."""
    with serving(folder, LATENCY) as server:
        facts = measured(peer, server.url, small, FAR_EDGE, threads)
        return replace(facts, requests=len(server.requests))


def on_disk(folder: Path, small: Path) -> list[Row]:
    """Compare with images on a disk, on one thread."""
    facts = {peer: measured(peer, str(folder), small, EDGE) for peer in PEERS}
    ours, size = facts["minecover"], f"{DATES} x {len(KEYS)} x {EDGE} x {EDGE}"
    rows = []
    for peer, found in facts.items():
        ratio = found.cpu / ours.cpu
        note = f"{found.memory:,.0f} MiB beyond the {found.before:,.0f} before it began"
        aim = Aim.at_least(6.0, ratio, "x")
        if peer == "decode":
            peer, aim = "rasterio, decoding alone", Aim(f"4 x: {1 / ratio:.2f}", 4 * ratio >= 1)
        if peer == "minecover":
            share = ours.memory / facts["odc-stac"].memory
            aim = Aim(f"0.33 x odc-stac's memory: {share:.2f}", share <= 0.33)
        rows.append(
            Row(CPU, size, peer, found.cpu, EDGE**2 / found.cpu / 1e6,
                None if found is ours else ratio, aim, note)
        )  # fmt: skip
    return rows


def over_a_network(folder: Path, small: Path) -> list[Row]:
    """Compare with images far away: ours with default settings, peers with eight threads."""
    local = measured("minecover", str(folder), small, FAR_EDGE)
    ours = far("minecover", folder, small, 1)
    size = f"{DATES} x {len(KEYS)} x {FAR_EDGE} x {FAR_EDGE}"
    note = f"{ours.requests} requests; on a disk {local.wall:.3g} s"
    most = Aim(f"1.5 x local: {ours.wall / local.wall:.2f}", ours.wall <= 1.5 * local.wall)
    rows = [Row(FAR, size, "minecover, default settings", ours.wall, aim=most, note=note)]
    for peer in ("odc-stac", "stackstac"):
        found = far(peer, folder, small, FAR_THREADS)
        ratio = found.wall / ours.wall
        aim = Aim.at_least(4.0, ratio, "x") if peer == "odc-stac" else None
        rows.append(
            Row(FAR, size, f"{peer}, {FAR_THREADS} threads", found.wall, None, ratio, aim,
                f"{found.requests} requests")
        )  # fmt: skip
    return rows


def run() -> list[Row]:
    """Measure all, once each: a peer takes minutes where other work runs."""
    with tempfile.TemporaryDirectory() as folder:
        season, small = Path(folder, "season"), Path(folder, "small")
        write_season(season)
        write_season(small, 128, 2)
        return [*on_disk(season, small), *over_a_network(season, small)]


def main(peer: str, place: str, small: str, store: str, edge: str, threads: str) -> None:
    """Do one thing and print what it took."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as other:
        warnings.simplefilter("ignore")
        PEERS[peer](small, Path(other), 128, int(threads))()  # compiled and imported
        work = PEERS[peer](place, Path(store), int(edge), int(threads))
        before, cpu, wall = peak_memory(), time.process_time(), time.perf_counter()
        work()
        facts = [time.process_time() - cpu, time.perf_counter() - wall]
        print(json.dumps([*facts, (peak_memory() - before) / 2**20, before / 2**20]))


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 1 else show(run())

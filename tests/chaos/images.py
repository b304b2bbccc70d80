"""Images that are cut off or hold other bytes than were written."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from chaos.bench import Bench
from minecover.demo.district import build_district
from minecover.errors import MinecoverError
from minecover.stages.registry import stages_of
from minecover.storage.names import MANIFEST_FILE
from minecover.survey import Survey, load
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services.runs import differing, forked, rasters

CUBE = ("cube.zarr",)


def cube(survey: Survey, store: Path) -> int:
    """Make the cube of a real survey; the exit code of the command line."""
    try:
        settled = survey.model_copy(update={"store": str(store)})
        Run(settled, stages_of(settled), Silent()).until("cube")
    except MinecoverError as error:
        return error.exit_code
    return 0


def district(bench: Bench) -> Survey:
    """A simulated district and its cube undisturbed, made once."""
    folder = bench.folder / "district"
    if not folder.exists():

        def build() -> int:
            build_district(folder, size=96, points_scale=4)
            return 0

        assert forked(build) == 0
    changed = load(folder / "survey.yaml").replace(
        engine__tiles="local",
        grid__tile=64,
        seasons={"summer": ["2021-06-01/2021-08-31"]},
        sources={"sentinel2": {}},
    )
    for stage in stages_of(changed):  # imported once for all children
        stage.version(changed)
    reference = bench.folder / "district-store"
    if not reference.exists():
        assert forked(partial(cube, changed, reference)) == 0
    return changed


def damaged_image(bench: Bench, kind: str, *, truncated: bool) -> None:
    """Damage an image that every tile may read, make the cube, fix it, and make the cube again.

    Bytes in the middle are replaced; nothing but the item's checksum tells of some of them.
    """
    survey = district(bench)
    manifest = (bench.folder / "district-store" / MANIFEST_FILE).read_text()
    images = sorted((bench.folder / "district").rglob("*B0[248]*.tif"))
    image = bench.rng.choice([path for path in images if path.parent.name in manifest])
    whole, store = image.read_bytes(), bench.fresh()
    place = bench.rng.randrange(len(whole) // 4, len(whole) // 2)
    length = 1 + bench.rng.randrange(len(whole) // 4)
    rest = b"" if truncated else bench.rng.randbytes(length) + whole[place + length :]
    image.write_bytes(whole[:place] + rest)
    code = forked(partial(cube, survey, store))
    image.write_bytes(whole)
    since = time.monotonic()
    again = forked(partial(cube, survey, store))
    expected = rasters(bench.folder / "district-store", CUBE)
    wrong = differing(rasters(store, CUBE), expected)
    if code or wrong:  # else nobody read the image
        told = f"{image.name} at {place}: {code}, then {again}; {wrong}"
        bench.note(kind, since, bool(code) and again == 0 and not wrong, told=told)

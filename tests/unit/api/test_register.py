"""Things registered in this process: known here, refused where other processes would need them."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

import minecover as mc
from minecover.engines.engine import Engine
from minecover.engines.registry import ENGINES
from minecover.errors import SurveyError
from minecover.features.registry import INDICES
from minecover.features.spectral_index import SpectralIndex
from minecover.models.classical import ClassicalKind
from minecover.models.registry import MODELS
from minecover.products.product import File, Product
from minecover.products.registry import PRODUCTS
from minecover.registry import Registry
from minecover.settings import Section
from minecover.sources.cloud_mask import CloudMask
from minecover.sources.registry import CLOUD_MASKS, SOURCES
from minecover.sources.sentinel2 import Sentinel2
from minecover.stages.registry import STAGES
from minecover.storage.fingerprint import home_of, module_version
from minecover.workflow.stage import Stage
from small_map import survey

ALL: tuple[Registry[Any], ...] = (
    INDICES, SOURCES, CLOUD_MASKS, MODELS, PRODUCTS, STAGES, ENGINES,
)  # fmt: skip

NDMI = SpectralIndex("NDMI", ("B08", "B11"), "(N-S1)/(N+S1)", lambda n, s: (n - s) / (n + s))


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in ALL:
        for kept in ("_known", "_added"):
            monkeypatch.setattr(registry, kept, dict(getattr(registry, kept)))


class Twin(ClassicalKind):
    name, label = "twin", "a twin"

    def estimator(self, task: Any) -> Any:
        return task


class Note(Product[None]):
    name = "note"

    def files(self, publication: Any) -> tuple[File, ...]:
        return ()

    def write(self, publication: Any, paths: Any) -> None:
        return None


def test_each_thing_is_returned_and_found_by_its_name() -> None:
    stage = Stage("drain", "drain", lambda workspace: None, lambda context: {}, after="predict")
    engine = Engine("slow", lambda settings, job, tiles: iter(()), alone=True)
    twin = Twin()
    assert mc.register.index("NDMI", NDMI) is INDICES["NDMI"] is NDMI
    assert mc.register.model("twin", twin) is MODELS["twin"] is twin
    assert mc.register.stage("drain", stage) is STAGES["drain"] is stage
    assert mc.register.engine("slow", engine) is ENGINES["slow"] is engine
    for registry, name in ((INDICES, "NDMI"), (MODELS, "twin"), (STAGES, "drain")):
        assert registry.module(name) == __name__
        assert registry.is_only_here(name)
    assert not MODELS.is_only_here("rf")


def test_classes_are_registered_by_what_stands_above_them() -> None:
    @mc.register.source("sentinel2b")
    class Second(Sentinel2):
        name = "sentinel2b"

    @mc.register.product("note")
    class Own(Note):
        pass

    @mc.register.model("own_twin")
    class OwnTwin(Twin):
        pass

    @mc.register.cloud_mask("night")
    class Night(CloudMask[Section]):
        name, bands = "night", ("B02",)

        def is_clear(self, reflectance: Any) -> Any:
            return reflectance[0] > 0

    assert CLOUD_MASKS["night"] is Night
    assert SOURCES["sentinel2b"] is Second
    assert isinstance(PRODUCTS["note"], Own)
    assert isinstance(MODELS["own_twin"], OwnTwin)


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda: mc.register.index("NDVI", NDMI), "'NDVI' is one of minecover's"),
        (lambda: mc.register.index("NDMI", "n"), "'NDMI' is of type str; it must be a minecover"),
        (lambda: mc.register.index("wetness", NDMI), "'wetness' is a feature of minecover's"),
        (lambda: mc.register.index("B2", NDMI), "'B2' is a feature of minecover's"),
        (lambda: mc.register.index("GLCM_ASM", NDMI), "'GLCM_ASM' is a feature of minecover's"),
        (lambda: mc.register.index("NDMI2", NDMI), "'NDMI2' is called 'NDMI' itself"),
        (lambda: mc.register.model("a", int), "'a' is of type int; it must be a minecover"),
        (lambda: mc.register.source("a", Twin()), "'a' is of type Twin; it must be a minecover"),
        (lambda: mc.register.stage("cube", 1), "'cube' is one of minecover's"),
        (lambda: mc.register.engine("b", 1), "'b' is of type int"),
    ],
)
def test_other_things_and_names_of_minecover_are_refused(add: Any, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        add()


def on(tiles: str, prediction: str, **changes: Any) -> mc.Survey:
    engine = {"tiles": tiles, "prediction": prediction}
    return mc.Survey(**survey(**changes, engine=engine).model_dump())


@pytest.mark.parametrize(("tiles", "prediction"), [("dask", "local"), ("local", "ray")])
def test_workers_that_do_not_know_a_thing_are_refused_before_a_run(
    tiles: str, prediction: str
) -> None:
    mc.register.index("NDMI", NDMI)
    wanted = {"features": {"indices": ["NDVI", "NDMI"]}}
    message = (
        r"^features__indices: the spectral index 'NDMI' was registered in this process, and the "
        rf"workers of {'dask' if tiles == 'dask' else 'ray'}, .* engine__tiles='local' and"
    )
    with pytest.raises(SurveyError, match=message):
        on(tiles, prediction, **wanted).run(progress="none")
    mc.register.refuse_unknown_to_workers(on("local", "local", **wanted))
    mc.register.refuse_unknown_to_workers(on(tiles, prediction))


CELL = """
LIMIT = 0.5

def compute(n, s):
    return (n - s) / (n + s + {limit})
"""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run cells as a notebook does: in a module of no file, from lines that are in none."""

    def run(limit: str) -> dict[str, Any]:
        file, text = f"/cells/{limit}.py", CELL.format(limit=limit)
        lines = (len(text), None, text.splitlines(keepends=True), file)
        monkeypatch.setitem(linecache.cache, file, lines)
        names: dict[str, Any] = {"__name__": "no_file"}
        exec(compile(text, file, "exec"), names)
        return names

    return run


def test_the_code_of_a_notebook_is_in_the_fingerprint(notebook: Any) -> None:
    versions = []
    for limit in ("LIMIT", "LIMIT", "1"):
        compute = notebook(limit)["compute"]
        assert home_of(compute) == f"/cells/{limit}.py"
        index = SpectralIndex("NDMI", ("B08", "B11"), "", compute)
        mc.register.index("NDMI", index)
        versions.append(module_version(INDICES.module("NDMI")))
    assert versions[0] == versions[1] != versions[2]

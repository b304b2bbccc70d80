"""The nine stages of a survey, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from minecover.assessing import assess_model
from minecover.cube.build import CubeJob, cube_layer_names
from minecover.features.build import FeaturesJob, texture_range
from minecover.features.computed import CUBE, RANGE, STORED, feature_layer_names
from minecover.learning import read_selection, select_layers, train_model
from minecover.models import model_settings, window_of
from minecover.prediction import PredictJob, map_attributes, map_layer_names
from minecover.publication import publish_products
from minecover.run import Facts, Run, Stage, Target
from minecover.sampling import write_samples
from minecover.sources.checksum import recorded_checksum
from minecover.sources.freeze import freeze
from minecover.sources.links import unsigned
from minecover.storage.canonical_json import Json
from minecover.survey import content_digest, is_url

__all__ = ["STAGES"]


def _catalog(run: Run, mark: str) -> Facts:
    del mark
    manifest = freeze(run.survey, run.grid)
    manifest.save(run.store)
    return {"items": len(manifest.found), "manifest": manifest.fingerprint}


def _cube(run: Run, mark: str) -> Facts:
    target = Target("cube.zarr", cube_layer_names(run.survey))
    job = CubeJob(run.store.url, run.survey, mark)
    return run.tile_stage("cube", mark, run.survey.engine.tiles, target, job)


def _features(run: Run, mark: str) -> Facts:
    low, high = _texture_range(run, mark)
    names = feature_layer_names(run.survey)
    facts: Facts = {"texture_range": [low, high], "layers": len(names)}
    keep = run.survey.features.keep
    if keep != "all":
        if keep == "none" or run.ledger.layout("features") is not None:
            # what was kept under other settings is of no use any more
            run.ledger.forget("features")
            run.store.delete(STORED)
        return facts
    target = Target(STORED, names, {"texture_range": [low, high]})
    job = FeaturesJob(run.store.url, run.survey, mark, (low, high))
    return run.tile_stage("features", mark, run.survey.engine.tiles, target, job) | facts


def _texture_range(run: Run, mark: str) -> tuple[float, float]:
    """Range over which texture is quantised, of a cube that may have been mended since."""
    edition = run.editions.known["features"]
    known = run.store.read_json(RANGE)
    mine = known is not None and known["fingerprint"] == mark
    if known is None or not mine or known["edition"] != edition:
        found = list(texture_range(run.survey, run.grid, run.store.layers(CUBE)))
        if known is not None and mine and known["texture_range"] != found:
            # every tile's texture is another; before it is recorded, should this driver die
            run.ledger.forget("features")
        known = {"fingerprint": mark, "edition": edition, "texture_range": found}
        run.store.write_json(RANGE, known)
    low, high = known["texture_range"]
    return low, high


def _predict(run: Run, mark: str) -> Facts:
    beside: tuple[Target, ...] = ()
    if run.survey.features.keep == "selected":
        beside = (Target(STORED, read_selection(run).chosen),)
    attributes = map_attributes(run.store, run.survey)
    target = Target("map.zarr", map_layer_names(run.survey), attributes, beside)
    job = PredictJob(run.store.url, run.survey, mark)
    return run.tile_stage("predict", mark, run.survey.engine.prediction, target, job)


def _samples_sections(run: Run) -> Json:
    survey = run.survey
    advice = "give the file of labelled points"
    content = content_digest(survey.samples.path, "samples.path", advice)
    regions = survey.model.regions
    if regions is not None:
        advice = "give the file of the regions' polygons"
        polygons = content_digest(regions.path, "model.regions.path", advice)
        content += f"{polygons} {regions.layer} {regions.column}"
    settings = survey.samples.model_dump(mode="json", exclude={"path"})
    classes = [item.model_dump(mode="json", exclude={"colour"}) for item in survey.classes]
    return [settings, classes, content, window_of(survey.model), survey.model.seed]


def _section(*names: str) -> Callable[[Run], Json]:
    """Sections of the survey by name, as they go into a fingerprint."""
    return lambda run: [run.survey.model_dump(mode="json")[name] for name in names]


def _catalog_sections(run: Run) -> Json:
    """Sections that decide what is found; files by their content, the same in any folder."""
    dump, url = run.survey.model_dump(mode="json"), run.survey.catalog.url
    area = hashlib.sha256(run.grid.area.wkb).hexdigest()
    for name, source in dump["sources"].items():
        path = (source or {}).get("path")
        if path is not None:
            key = f"sources.{name}.path"
            source["path"] = unsigned(path) if is_url(path) else recorded_checksum(path, key)
    # its first document, not the thousands it links to: those that are taken go into the manifest
    advice = "give a STAC API or a catalog.json"
    catalog = unsigned(url) if is_url(url) else content_digest(url, "catalog.url", advice)
    return [area, run.grid.crs, dump["seasons"], dump["sources"], catalog]


STAGES: tuple[Stage, ...] = (
    Stage(
        "catalog",
        _catalog_sections,
        ("sources", "grid.py", "boundary.py", "projection.py"),
        _catalog,
    ),
    Stage(
        "cube",
        lambda run: [
            run.survey.grid.model_dump(mode="json"),
            run.survey.catalog.reader,
            run.store.read_json("manifest.json"),
        ],
        ("sources", "cube", "features/kernel.py", "raster.py", "store.py"),
        _cube,
    ),
    Stage(
        "features",
        _section("features"),
        ("features",),
        _features,
    ),
    Stage(
        "samples",
        _samples_sections,
        ("samples.py", "sampling.py", "pointfiles.py", "regions.py", "accuracy/blocks.py"),
        write_samples,
    ),
    Stage(
        "select",
        _section("selection"),
        ("selection", "learning.py"),
        select_layers,
    ),
    Stage(
        "train",
        # how a network is read is nothing to its training
        lambda run: [model_settings(run.survey.model, "reading")],
        ("models", "learning.py", "accuracy/calibration.py", "prediction/applicability.py"),
        train_model,
    ),
    Stage(
        "predict",
        lambda run: [run.survey.prediction.model_dump(mode="json"), run.survey.model.reading],
        ("prediction", "accuracy/estimates.py"),
        _predict,
    ),
    Stage(
        "assess",
        _section("assessment"),
        ("accuracy", "assessing.py"),
        assess_model,
    ),
    Stage(
        "publish",
        _section("classes", "name"),
        ("products", "publication.py"),
        publish_products,
    ),
)
"""In the order they run."""

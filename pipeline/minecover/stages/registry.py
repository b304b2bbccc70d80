"""The nine stages of a survey, in order."""

from __future__ import annotations

from collections.abc import Callable

from minecover.models.lookup import fingerprint_settings, window_of
from minecover.stages.assess import assess_model
from minecover.stages.catalog import _catalog, _catalog_sections
from minecover.stages.cube import _cube
from minecover.stages.features import _features
from minecover.stages.predict import _predict
from minecover.stages.publish import publish_products
from minecover.stages.samples import write_samples
from minecover.stages.select import select_layers
from minecover.stages.train import train_model
from minecover.storage.canonical_json import Json
from minecover.storage.location import content_digest
from minecover.workflow.run import Run, Stage

__all__ = ["STAGES"]


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


STAGES: tuple[Stage, ...] = (
    Stage(
        "catalog",
        _catalog_sections,
        ("sources", "geography/grid.py", "geography/boundary.py", "geography/projection.py"),
        _catalog,
    ),
    Stage(
        "cube",
        lambda run: [
            run.survey.grid.model_dump(mode="json"),
            run.survey.catalog.reader,
            run.store.read_json("manifest.json"),
        ],
        (
            "sources",
            "cube",
            "engines/compiled.py",
            "storage/raster.py",
            "storage/store.py",
        ),
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
        ("samples", "stages/samples.py", "accuracy/blocks.py"),
        write_samples,
    ),
    Stage(
        "select",
        _section("selection"),
        ("selection", "stages/select.py", "stages/fitting.py"),
        select_layers,
    ),
    Stage(
        "train",
        # how a network is read is nothing to its training
        lambda run: [fingerprint_settings(run.survey.model, "reading")],
        (
            "models",
            "stages/train.py",
            "stages/fitting.py",
            "accuracy/calibration.py",
            "prediction/applicability.py",
        ),
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
        ("accuracy", "stages/assess.py"),
        assess_model,
    ),
    Stage(
        "publish",
        _section("classes", "name"),
        ("products", "stages/publish.py"),
        publish_products,
    ),
)
"""In the order they run."""

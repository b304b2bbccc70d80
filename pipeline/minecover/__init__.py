"""Land-use maps of open-pit mining areas, from satellite images to figures with intervals.

A survey file (`minecover.survey`) says what is mapped and how. `minecover.workflow` runs the stages
(`minecover.stages`) of a survey in order, tile by tile:

| stage | room | writes |
| --- | --- | --- |
| catalog | `minecover.sources` | the manifest: all items that will be read |
| cube | `minecover.cube` | seasonal composites |
| features | `minecover.features` | indices, tasselled cap, texture, terrain |
| samples | `minecover.samples` | labelled points with their features, in folds |
| select | `minecover.selection` | ranks of the features: Relief-F and random forest |
| train | `minecover.models` | the model, or one for each region |
| predict | `minecover.prediction` | classes, probabilities, entropy, applicability |
| assess | `minecover.validation`, `minecover.accuracy` | accuracy by random split and by blocks |
| publish | `minecover.products` | GeoTIFFs, outlines, STAC item, report |

The ledger (`minecover.ledger`) records what is done, and by which process. `minecover.engines`
computes tiles in this process, on Dask or on Ray; `minecover.planning` predicts time, memory and
cost. Kernels (`minecover.features`, `minecover.cube`, `minecover.selection`) are functions of
arrays and can be used on their own:

>>> import numpy as np
>>> from minecover.features.texture import Texture
>>> band = np.linspace(0, 1, 9 * 9, dtype=np.float32).reshape(1, 9, 9)
>>> Texture(0.0, 1.0, window=5)(band).shape
(5, 5, 5)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minecover.api import plot, register
    from minecover.api.assessment import Assessment, assess
    from minecover.api.export import export
    from minecover.api.file_catalog import catalog_from_files
    from minecover.api.folds import spatial_folds
    from minecover.api.kernels import composite, indices, terrain, texture
    from minecover.api.models import Model
    from minecover.api.own_rasters import open_raster
    from minecover.api.polygons import polygons
    from minecover.api.relieff import relieff
    from minecover.api.results import Results, open_store
    from minecover.api.survey import Survey, open_survey
    from minecover.api.training import train
    from minecover.errors import (
        BudgetError,
        DataError,
        MinecoverError,
        StoreError,
        SurveyError,
        TryAgainError,
    )

    __version__: str
else:
    # where each name of the face is: imported at its first use, so that importing the package costs
    # nothing; a place without a colon is a module
    _PLACES = {
        "Assessment": "minecover.api.assessment:Assessment",
        "BudgetError": "minecover.errors:BudgetError",
        "DataError": "minecover.errors:DataError",
        "MinecoverError": "minecover.errors:MinecoverError",
        "Model": "minecover.api.models:Model",
        "Results": "minecover.api.results:Results",
        "StoreError": "minecover.errors:StoreError",
        "Survey": "minecover.api.survey:Survey",
        "SurveyError": "minecover.errors:SurveyError",
        "TryAgainError": "minecover.errors:TryAgainError",
        "assess": "minecover.api.assessment:assess",
        "catalog_from_files": "minecover.api.file_catalog:catalog_from_files",
        "composite": "minecover.api.kernels:composite",
        "export": "minecover.api.export:export",
        "indices": "minecover.api.kernels:indices",
        "open_raster": "minecover.api.own_rasters:open_raster",
        "open_store": "minecover.api.results:open_store",
        "open_survey": "minecover.api.survey:open_survey",
        "plot": "minecover.api.plot",
        "polygons": "minecover.api.polygons:polygons",
        "register": "minecover.api.register",
        "relieff": "minecover.api.relieff:relieff",
        "spatial_folds": "minecover.api.folds:spatial_folds",
        "terrain": "minecover.api.kernels:terrain",
        "texture": "minecover.api.kernels:texture",
        "train": "minecover.api.training:train",
    }

    def __getattr__(name: str) -> object:
        """Import a name of the face, or read the version, when it is first used."""
        if name == "__version__":
            from importlib.metadata import version

            found = version(__name__)
        elif name in _PLACES:
            from importlib import import_module

            module, _, attribute = _PLACES[name].partition(":")
            imported = import_module(module)
            found = getattr(imported, attribute) if attribute else imported
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        """List the face, for completion."""
        return sorted(__all__)


__all__ = [
    "Assessment",
    "BudgetError",
    "DataError",
    "MinecoverError",
    "Model",
    "Results",
    "StoreError",
    "Survey",
    "SurveyError",
    "TryAgainError",
    "__version__",
    "assess",
    "catalog_from_files",
    "composite",
    "export",
    "indices",
    "open_raster",
    "open_store",
    "open_survey",
    "plot",
    "polygons",
    "register",
    "relieff",
    "spatial_folds",
    "terrain",
    "texture",
    "train",
]

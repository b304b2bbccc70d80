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
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """Give `__version__` when it is first used: reading it takes longer than this import."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version

        return version(__name__)

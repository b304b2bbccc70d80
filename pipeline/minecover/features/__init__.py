"""Features of a tile: the catalogue of 31 and the kernels that compute them."""

from minecover.features.catalogue import FEATURES, S2_BANDS, SOURCES, Feature, feature, layer_names
from minecover.features.indices import NDRI_FORMULAS, SpectralIndices
from minecover.features.kernel import FloatArray, Kernel
from minecover.features.tasselled_cap import TASSELLED_CAPS, TasselledCap
from minecover.features.terrain import FLAT_ASPECT, Terrain
from minecover.features.texture import TEXTURE_FEATURES, Texture, quantisation_range, quantise

__all__ = [
    "FEATURES",
    "FLAT_ASPECT",
    "NDRI_FORMULAS",
    "S2_BANDS",
    "SOURCES",
    "TASSELLED_CAPS",
    "TEXTURE_FEATURES",
    "Feature",
    "FloatArray",
    "Kernel",
    "SpectralIndices",
    "TasselledCap",
    "Terrain",
    "Texture",
    "feature",
    "layer_names",
    "quantisation_range",
    "quantise",
]

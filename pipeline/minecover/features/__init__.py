"""Features of a tile: the catalogue of 31 and the kernels that compute them."""

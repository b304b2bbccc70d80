"""Where tiles are worked on: this process, a Dask cluster, or actors on a Ray cluster.

The engine does not change the result: a `TileJob` is a value that says what to do, and its call on
a tile writes that tile and returns a few figures about it.
"""

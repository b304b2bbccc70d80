"""The network of `minecover.models.resnet50`: its shape, training and reading.

`architecture` and `work` need no torch; all others do, and are imported where a network is used.
"""

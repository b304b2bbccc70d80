"""Which features tell the classes apart: Relief-F, random forest, and both together.

`relieff.relieff` and `distributed.relieff_dask` are imported from their modules.
"""

"""Kubernetes manifests of a survey: `minecover manifests`.

The templates beside this package are the only copy: what stands in `cluster/kubernetes` of the
repository was written from them for `examples/dongsheng.yaml`.
"""

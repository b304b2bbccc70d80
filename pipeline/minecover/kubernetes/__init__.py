"""Kubernetes manifests of a survey: `minecover manifests`.

The templates in this package are the only source: the manifests in `cluster/kubernetes` of the
repository were written from them for `examples/dongsheng.yaml`.
"""

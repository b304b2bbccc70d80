"""Kubernetes manifests of a survey: `minecover manifests`.

The templates beside this package are the only copy: what stands in `cluster/kubernetes` of the
repository was written from them for `examples/dongsheng.yaml`.
"""

from minecover.kubernetes.plan import OVERLAYS, Request, plan_cluster
from minecover.kubernetes.render import render, write

__all__ = ["OVERLAYS", "Request", "plan_cluster", "render", "write"]

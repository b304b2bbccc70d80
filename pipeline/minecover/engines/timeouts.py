"""Time-outs of Dask and Ray, with which a cut link costs seconds and not minutes.

They are variables of the environment, because schedulers, heads and workers read them when they
start, on hosts of their own: the manifests set them, and `python -m minecover.engines dask` prints
them for who starts a cluster by hand.
"""

from __future__ import annotations

import os

__all__ = ["DASK", "DASK_CONFIG", "DASK_HERE", "RAY", "export"]

DASK_CONFIG = {
    # unanswered for so long a connection is dead, and what ran beyond it is run elsewhere; Dask
    # does not start with less than 11 s
    "distributed.comm.timeouts.tcp": "15s",
    "distributed.comm.timeouts.connect": "10s",
    "distributed.scheduler.worker-ttl": "20s",
    # a spot node may die more often than the three times that Dask allows a task
    "distributed.scheduler.allowed-failures": 20,
}
"""Of a cluster across hosts."""

DASK_HERE = {
    # on one machine no link is cut: whoever is silent for long is busy, and the end of a process
    # is seen at once
    "distributed.comm.timeouts.tcp": "120s",
    "distributed.comm.timeouts.connect": "60s",
    "distributed.scheduler.worker-ttl": "10 minutes",
    "distributed.scheduler.allowed-failures": 20,
}
"""Of a cluster that a survey starts on this machine."""

DASK = {
    f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": str(value)
    for name, value in DASK_CONFIG.items()
}

RAY = {
    # three unanswered looks, two seconds each
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_grpc_client_keepalive_time_ms": "5000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
    "RAY_grpc_keepalive_time_ms": "5000",
    "RAY_grpc_keepalive_timeout_ms": "5000",
    "RAY_raylet_start_wait_time_s": "150",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray makes its workers yield to everything else; a batch machine has nothing else
    "RAY_worker_niceness": "0",
}


def export(settings: dict[str, str]) -> None:
    """Set what this process and those it starts read, where the person has not."""
    for name, value in settings.items():
        os.environ.setdefault(name, value)

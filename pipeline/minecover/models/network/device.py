"""Where networks are computed."""

from __future__ import annotations

from typing import Literal

import torch

__all__ = ["compute_device"]


def compute_device() -> Literal["cpu", "cuda"]:
    """Name the device of networks: the GPU, where this process sees one."""
    return "cuda" if torch.cuda.is_available() else "cpu"

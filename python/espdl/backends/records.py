# SPDX-License-Identifier: Apache-2.0
"""Pieces that several lowerings share: scale ratios and the per-channel record of C kernels."""

from __future__ import annotations

import numpy as np

from espdl.plan.types import KernelCall, Tensor


def scale_ratios(x: Tensor, weights_scale: np.ndarray, y: Tensor) -> np.ndarray:
    """float64 [channels]: what one unit of the int32 accumulator is worth in units of the output."""
    return np.float64(np.float32(x.scale)) * weights_scale.astype(np.float64) / np.float64(np.float32(y.scale))


def channel_records(call: KernelCall) -> np.ndarray:
    """int32 [channels, 3], the memory of `espdl_channel_t`: bias, multiplier, shift."""
    columns = [call.constant(name).astype(np.int32) for name in ("bias", "multiplier", "shift")]
    return np.ascontiguousarray(np.stack(columns, axis=1))

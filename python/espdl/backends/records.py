# SPDX-License-Identifier: Apache-2.0
"""Pieces that several lowerings share: scale ratios, what makes an integer kernel exact, the per-channel record."""

from __future__ import annotations

import numpy as np

from espdl.ops.numerics import Inexact
from espdl.plan.types import KernelCall, Tensor


def scale_ratios(x: Tensor, weights_scale: np.ndarray, y: Tensor) -> np.ndarray:
    """float64 [channels]: what one unit of the int32 accumulator is worth in units of the output."""
    return np.float64(np.float32(x.scale)) * weights_scale.astype(np.float64) / np.float64(np.float32(y.scale))


def largest_input(x: Tensor) -> int:
    """The largest |q - zero point| of an int8 tensor."""
    return max(127 - x.zero_point, x.zero_point + 128)


def require_int32(x: Tensor, weights: np.ndarray, bias: np.ndarray) -> None:
    """Raises Inexact where a sum of products over all axes of `weights` but the first may leave int32."""
    taps = np.abs(weights.astype(np.int64)).reshape(weights.shape[0], -1).sum(axis=1)
    bound = int((np.abs(bias.astype(np.int64)) + taps * largest_input(x)).max())
    if bound >= 2**31:
        raise Inexact(f"a sum can reach {bound}, which does not fit 32 bits")


def channel_records(call: KernelCall) -> np.ndarray:
    """int32 [channels, 3], the memory of `espdl_channel_t`: bias, multiplier, shift."""
    columns = [call.constant(name).astype(np.int32) for name in ("bias", "multiplier", "shift")]
    return np.ascontiguousarray(np.stack(columns, axis=1))

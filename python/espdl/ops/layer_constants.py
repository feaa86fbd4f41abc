# SPDX-License-Identifier: Apache-2.0
"""The constants of a layer: int8 weights, and the bias at the scale of its sums of products."""

from __future__ import annotations

import numpy as np

from espdl.errors import present
from espdl.ops.operator import Match, Mismatch
from espdl.plan.types import Tensor

# Relative difference of two scales that are one, computed on two ways in float32.
_SAME = 1e-6


def weights_of(match: Match, x: Tensor, transposed: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights [channels, ...], their scales [channels] and the bias (`int32_bias`) of a layer that reads `x`.

    `transposed`: the constant has its axes the other way round. Raises Mismatch where they are no symmetric int8.
    """
    weights = match.array("weights")
    if weights.dtype != np.int8:
        raise Mismatch(f"its weights are {weights.dtype}, not int8")
    weights = np.ascontiguousarray(weights.T) if transposed else weights
    channels = weights.shape[0]
    scale = match.scale("weights").reshape(-1)
    if scale.size not in (1, channels):
        raise Mismatch(f"it has {scale.size} weight scales for {channels} outputs")
    scale = np.broadcast_to(scale, (channels,))
    return weights, scale, int32_bias(match, present(x.scale), scale, channels)


def int32_bias(match: Match, input_scale: float, weights_scale: np.ndarray, channels: int) -> np.ndarray:
    """int32 [channels] at `input_scale` * `weights_scale`: as it is where it has that scale, else rounded to it.

    Raises Mismatch where it has another size, another type or does not fit.
    """
    if not match.has("bias"):
        return np.zeros(channels, np.int32)
    values = match.array("bias").reshape(-1)
    if values.size not in (1, channels):
        raise Mismatch(f"it has {values.size} bias values for {channels} outputs")
    wanted = np.float64(input_scale) * weights_scale.astype(np.float64)
    if values.dtype == np.int32:
        given = match.scale("bias").reshape(-1).astype(np.float64)
        if np.allclose(given, wanted, rtol=_SAME, atol=0.0):
            return np.broadcast_to(values, (channels,))
        real = values * given
    elif values.dtype == np.float32:
        real = values.astype(np.float64)
    else:
        raise Mismatch(f"its bias is {values.dtype}, neither int32 nor float32")
    steps = np.rint(np.broadcast_to(real, (channels,)) / wanted)
    if np.abs(steps).max(initial=0.0) >= 2**31:
        raise Mismatch("its bias does not fit 32 bits at the scale of its products")
    return steps.astype(np.int32)

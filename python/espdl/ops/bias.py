# SPDX-License-Identifier: Apache-2.0
"""The bias of a layer, at the scale of its sums of products."""

from __future__ import annotations

import numpy as np

from espdl.ops.operator import Match, Mismatch

# Relative difference of two scales that are one, computed on two ways in float32.
_SAME = 1e-6


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

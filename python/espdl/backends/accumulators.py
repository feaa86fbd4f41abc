# SPDX-License-Identifier: Apache-2.0
"""What sums of products can reach: the proofs that they fit their accumulators."""

from __future__ import annotations

import numpy as np

from espdl.ops.numerics import Inexact
from espdl.plan.types import Tensor


def range_of(x: Tensor) -> tuple[int, int]:
    """The least and the largest integer that a tensor can hold."""
    info = np.iinfo(x.dtype)
    return x.limits or (int(info.min), int(info.max))


def largest(x: Tensor) -> int:
    """The largest |q - zero point| that the dtype of `x` allows."""
    info = np.iinfo(x.dtype)
    return max(int(info.max) - x.zero_point, x.zero_point - int(info.min))


def reach(weights: np.ndarray, factor: int, start: np.ndarray | int = 0) -> np.ndarray:
    """int64 [channels]: what no |start + w v + ...| exceeds, in whatever order, for |v| <= `factor`.

    Sums run over all axes of `weights` but the first.
    """
    magnitudes = np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1)
    return np.abs(np.asarray(start, np.int64)) + magnitudes * factor


def ends(weights: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """int64 [...]: the least and the greatest sum of w v over the last axis of `weights`, for `low` <= v <= `high`."""
    products = weights.astype(np.int64) * low, weights.astype(np.int64) * high
    return np.minimum(*products).sum(axis=-1), np.maximum(*products).sum(axis=-1)


def ends_on_the_way(weights: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of any part of the products: on the way to the sum in whatever order, or with taps in the border."""
    return ends(weights, min(low, 0), max(high, 0))


def require_int32(bound: int) -> None:
    """Raises Inexact where a sum whose magnitude can be `bound` does not fit an accumulator of 32 bits."""
    if bound >= 2**31:
        raise Inexact(f"a sum can reach {bound}, which does not fit 32 bits")

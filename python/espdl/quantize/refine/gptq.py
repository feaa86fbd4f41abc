# SPDX-License-Identifier: Apache-2.0
"""GPTQ: rounds weights column by column and pushes every rounding error into the columns that are still to come.

After Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2022). What a
rounding error costs is known from the second moments of the layer's inputs, taken from the quantised network. Their
mean is removed first where the bias is corrected afterwards: a constant error costs nothing then.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from espdl.quantize.graph import attribute
from espdl.quantize.network import Layer
from espdl.quantize.refine.layer_by_layer import LayerInputs, Rounder

# Relative to the mean of the moments' diagonal; keeps columns that were never used invertible.
_DAMPING = 0.01
# Columns of inputs that are used, over all samples; and the largest row for which moments are computed.
_COLUMNS = 8192
_LARGEST_ROW = 4608
# The largest row for which the factor is kept between two scales: 32 MB.
_LARGEST_KEPT = 2048
_BLOCK = 64

# A number of places -> indices of those that are used.
_Choice = Callable[[int], np.ndarray]


def rounding(given: LayerInputs) -> Rounder:
    """What finds new integer weights for the layer; those it has where the technique does not apply."""
    layer = given.layer
    if layer.node.op_type not in ("Conv", "Gemm", "MatMul") or layer.weights[0].size == 0:
        return lambda weights, scale: weights
    rows = layer.rows(layer.weights)
    if rows.shape[1] > _LARGEST_ROW:
        return lambda weights, scale: weights
    kept = _inverse_factor(_moments(given)) if rows.shape[1] <= _LARGEST_KEPT else None

    def round_to(weights: np.ndarray, scale: np.ndarray) -> np.ndarray:
        factor = _inverse_factor(_moments(given)) if kept is None else kept
        groups = factor.shape[0]
        by_row = np.broadcast_to(np.asarray(scale).reshape(-1), (layer.channels,))
        steps = (rows / by_row[:, np.newaxis]).reshape(groups, layer.channels // groups, -1)
        return layer.from_rows(_round(steps, factor, given.limits).reshape(rows.shape)).astype(np.int8)

    return round_to


def _moments(given: LayerInputs) -> np.ndarray:
    """float64 [groups, columns, columns]: covariance of the inputs that one row of weights is multiplied with."""
    layer = given.layer
    per_sample = max(1, _COLUMNS // len(given.seen))
    generator = np.random.default_rng(0)

    def choose(places: int) -> np.ndarray:
        if places <= per_sample:
            return np.arange(places)
        return np.sort(generator.choice(places, per_sample, replace=False))

    total: np.ndarray | float = 0.0
    sums: np.ndarray | float = 0.0
    count = 0
    for values in given.seen:
        # Whole numbers below 2**16: float64 sums them without rounding, in whatever order.
        inputs = _inputs(layer, values, choose)
        inputs = np.rint(inputs / np.float32(given.data.scale)).astype(np.float64)
        total = total + (inputs @ inputs.transpose(0, 2, 1))
        sums = sums + inputs.sum(axis=2)
        count += inputs.shape[2]
    mean = np.asarray(sums / count)
    return total / count - mean[:, :, np.newaxis] * mean[:, np.newaxis, :]


def _inputs(layer: Layer, values: np.ndarray, choose: _Choice = np.arange) -> np.ndarray:
    """`values` (the layer's input, one sample) as [groups, columns, places]: what the weights' rows are multiplied
    with, at the places that `choose` takes of so many.
    """
    if layer.node.op_type != "Conv":
        rows = values.reshape(-1, values.shape[-1])
        return rows[choose(len(rows))].T[np.newaxis]
    weights = layer.weights
    spatial = weights.ndim - 2
    pads = _pads(layer, values.shape[2:])
    dilations = attribute(layer.node, "dilations", [1] * spatial)
    strides = attribute(layer.node, "strides", [1] * spatial)
    padded = np.pad(values[0], [(0, 0), *zip(pads[:spatial], pads[spatial:])])
    window = [(k - 1) * d + 1 for k, d in zip(weights.shape[2:], dilations)]
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=tuple(range(1, spatial + 1)))
    places = (slice(None), *(slice(None, None, s) for s in strides), *(slice(None, None, d) for d in dilations))
    taps = views[places]
    size = taps.shape[1 : spatial + 1]
    index: tuple[slice | np.ndarray, ...] = (slice(None), *np.unravel_index(choose(math.prod(size)), size))
    chosen = taps[index]  # [channels, places, taps ...]
    columns = np.moveaxis(chosen.reshape(values.shape[1], chosen.shape[1], -1), 1, 2)
    return columns.reshape(layer.groups, -1, chosen.shape[1])


def _pads(layer: Layer, size: tuple[int, ...]) -> list[int]:
    """Begins, then ends."""
    spatial = len(size)
    kind = attribute(layer.node, "auto_pad", b"NOTSET")
    if kind == b"VALID":
        return [0] * (2 * spatial)
    if kind == b"NOTSET":
        return list(attribute(layer.node, "pads", [0] * (2 * spatial)))
    kernel = layer.weights.shape[2:]
    strides = attribute(layer.node, "strides", [1] * spatial)
    dilations = attribute(layer.node, "dilations", [1] * spatial)
    total = [max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n) for n, s, k, d in zip(size, strides, kernel, dilations)]
    small, large = [t // 2 for t in total], [t - t // 2 for t in total]
    return [*small, *large] if kind == b"SAME_UPPER" else [*large, *small]


def _round(steps: np.ndarray, factor: np.ndarray, limits: tuple[int, int]) -> np.ndarray:
    """Whole numbers near `steps` [groups, rows, columns], in blocks so that most of the work is matrix products.

    `factor`: see `_inverse_factor`.
    """
    columns = steps.shape[2]
    steps = steps.copy()
    result = np.empty_like(steps)
    for start in range(0, columns, _BLOCK):
        stop = min(start + _BLOCK, columns)
        # [columns, groups, rows]: a column lies together, which makes the loop several times as fast.
        block = np.ascontiguousarray(np.moveaxis(steps[:, :, start:stop], 2, 0))
        weights = np.ascontiguousarray(factor[:, start:stop, start:stop].transpose(1, 2, 0))[..., np.newaxis]
        rounded = np.empty_like(block)
        for j, (values, whole) in enumerate(zip(block, rounded)):
            np.clip(np.rint(values), *limits, out=whole)
            values -= whole
            values /= weights[j, j]
            block[j + 1 :] -= values * weights[j, j + 1 :]
        result[:, :, start:stop] = np.moveaxis(rounded, 0, 2)
        steps[:, :, stop:] -= np.ascontiguousarray(np.moveaxis(block, 0, 2)) @ factor[:, start:stop, stop:]
    return result


def _inverse_factor(moments: np.ndarray) -> np.ndarray:
    """Upper triangular U with U^T U = inverse of the damped moments."""
    diagonal = np.einsum("gii->gi", moments)
    mean = np.maximum(diagonal.mean(axis=1, keepdims=True), 1e-12)
    damped = (
        moments + np.eye(moments.shape[1]) * (mean * _DAMPING + np.where(diagonal <= 0.0, mean, 0.0))[:, :, np.newaxis]
    )
    return np.linalg.cholesky(np.linalg.inv(damped)).transpose(0, 2, 1)

# SPDX-License-Identifier: Apache-2.0
"""Resize by its meaning: nearest takes rows and columns, every other interpolation is a product with a matrix per axis.

Linear interpolation of images in the usual modes stays, with the sizes of all axes: there are kernels for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array, operand, operands, settings, shape, values
from espdl.frontend.rewrites import rewrite

# What linear kernels know, where the ratio of the sizes is the scale.
_KEPT = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
_CROP = "tf_crop_and_resize"


@rewrite("Resize", "Upsample")
def resize(node: ir.Node, chain: Chain) -> ir.Value | None:
    value = operand(node, 0)
    sizes, wanted = shape(value), shape(node.outputs[0])
    attributes = values(node)
    mode = attributes.get("mode", "nearest")
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    if node.op_type == "Upsample":
        coordinates, attributes["nearest_mode"] = "asymmetric", "floor"
    if sizes is None or wanted is None:
        return None
    crops = _crops(node, attributes, len(sizes)) if coordinates == _CROP else {}
    if crops is None:
        return None
    scales = _scales(node, attributes, sizes, wanted)
    axes = [a for a in range(len(sizes)) if sizes[a] != wanted[a] or scales[a] != 1.0 or a in crops]
    plain = all(math.isclose(scales[a], wanted[a] / sizes[a], rel_tol=1e-6) for a in axes)
    images = len(sizes) == 4 and set(axes) <= {2, 3} and node.op_type == "Resize"
    aligned_to_one = coordinates == "align_corners" and 1 in (wanted[a] for a in axes)
    if mode == "linear" and plain and images and coordinates in _KEPT and not attributes.get("antialias", 0):
        if not aligned_to_one:
            return _with_sizes(node, chain, wanted)
    outside = np.zeros([1] * len(sizes), bool)
    for axis in axes:
        size, count, scale = sizes[axis], wanted[axis], scales[axis]
        places = _places(coordinates, count, size, scale, crops.get(axis))
        beyond = (places < 0) | (places > size - 1) if coordinates == _CROP else np.zeros(count, bool)
        outside = outside | beyond.reshape([count if a == axis else 1 for a in range(len(sizes))])
        if mode == "nearest":
            index = np.clip(_nearest(attributes.get("nearest_mode", "round_prefer_floor"), places), 0, size - 1)
            value = chain.add("Gather", value, index.astype(np.int64), axis=axis)
        else:
            value = _product(chain, value, _matrix(mode, attributes, places, size, scale), axis, len(sizes))
    if outside.any():
        value = chain.add("Mul", value, (~outside).astype(np.float32))
        extrapolated = attributes.get("extrapolation_value", 0.0)
        value = chain.add("Add", value, outside * extrapolated) if extrapolated else value
    return value


def _with_sizes(node: ir.Node, chain: Chain, wanted: tuple[int, ...]) -> ir.Value | None:
    """The node with the sizes of all axes, None where it has them."""
    kept = settings(node, "axes", "keep_aspect_ratio_policy")
    if len(node.inputs) > 3 and len(kept) == len(node.attributes):
        return None
    return chain.add("Resize", node.inputs[0], None, None, wanted, **kept)


def _crops(node: ir.Node, attributes: Mapping[str, Any], rank: int) -> dict[int, tuple[float, float]] | None:
    """Where the part that is taken begins and ends along each axis; None where that is computed."""
    region = array(node.inputs[1])
    if region is None:
        return None
    axes = [axis % rank for axis in attributes.get("axes", range(rank))]
    found = {axis: (float(region[i]), float(region[i + len(axes)])) for i, axis in enumerate(axes)}
    return {axis: ends for axis, ends in found.items() if ends != (0.0, 1.0)}


def _scales(node: ir.Node, attributes: Mapping[str, Any], sizes: Sequence[int], wanted: Sequence[int]) -> list[float]:
    """The factor of every axis: given, or the ratio of the sizes, adjusted as `keep_aspect_ratio_policy` says."""
    axes = list(attributes.get("axes", range(len(sizes))))
    given = array(operands(node, 3)[1 if node.op_type == "Upsample" else 2])
    result = [w / s for s, w in zip(sizes, wanted)]
    if given is not None and given.size:
        for axis, scale in zip(axes, given.tolist()):
            if not math.isclose(scale, result[axis], rel_tol=1e-6):
                result[axis] = scale
        return result
    asked = array(operands(node, 4)[3])
    policy = attributes.get("keep_aspect_ratio_policy", "stretch")
    if asked is not None and policy != "stretch":
        choose: Callable = min if policy == "not_larger" else max
        scale = choose(int(size) / sizes[axis] for axis, size in zip(axes, asked.tolist()))
        for axis in axes:
            result[axis] = scale
    return result


def _places(mode: str, count: int, size: int, scale: float, crop: tuple[float, float] | None) -> np.ndarray:
    """ONNX's coordinate_transformation_mode: places in the input for places in the output.

    In float32, as ONNX Runtime does it: where nearest has to choose, the last bit decides.
    """
    x, factor = np.arange(count, dtype=np.float32), np.float32(scale)
    if crop is not None:
        begin, end = (np.float32(number) for number in crop)
        if count == 1:
            return np.float32(0.5) * (begin + end) * np.float32(size - 1) + x
        return begin * np.float32(size - 1) + x * (end - begin) * np.float32(size - 1) / np.float32(count - 1)
    if mode == "asymmetric":
        return x / factor
    if mode in ("align_corners", _CROP):  # by the whole number of values, as ONNX Runtime and PyTorch do it
        return x * np.float32(size - 1) / np.float32(count - 1) if count != 1 else x
    if mode == "pytorch_half_pixel" and count <= 1:
        return x * 0
    half = np.float32(0.5)
    if mode == "half_pixel_symmetric":
        adjustment = np.float32(count) / (factor * np.float32(size))
        return np.float32(size) / 2 * (1 - adjustment) + (x + half) / factor - half
    return (x + half) / factor - half


def _nearest(mode: str, places: np.ndarray) -> np.ndarray:
    if mode == "floor":
        return np.floor(places)
    if mode == "ceil":
        return np.ceil(places)
    return np.ceil(places - 0.5) if mode == "round_prefer_floor" else np.floor(places + 0.5)


def _matrix(mode: str, attributes: Mapping[str, Any], places: np.ndarray, size: int, scale: float) -> np.ndarray:
    """float64 [size, output size]: what each value of the input counts for each of the output."""
    stretch = min(scale, 1.0) if attributes.get("antialias", 0) else 1.0
    a = attributes.get("cubic_coeff_a", -0.75)
    reach = (1 if mode == "linear" else 2) / stretch
    matrix = np.zeros((size, len(places)))
    places = places.astype(np.float64)
    for column, place in enumerate(places):
        taps = np.arange(math.ceil(place - reach), math.floor(place + reach) + 1)
        distance = np.abs(taps - place) * stretch
        weights = np.maximum(1 - distance, 0) if mode == "linear" else _cubic(distance, a)
        if attributes.get("exclude_outside", 0):
            weights = np.where((taps >= 0) & (taps < size), weights, 0.0)
        np.add.at(matrix[:, column], np.clip(taps, 0, size - 1), weights / weights.sum())
    return matrix


def _cubic(d: np.ndarray, a: float) -> np.ndarray:
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _product(chain: Chain, value: ir.Value, matrix: np.ndarray, axis: int, rank: int) -> ir.Value:
    """`value` with `axis` brought last, multiplied, and brought back."""
    order = [a for a in range(rank) if a != axis] + [axis]
    if axis != rank - 1:
        value = chain.add("Transpose", value, perm=order)
    value = chain.add("MatMul", value, matrix)
    return value if axis == rank - 1 else chain.add("Transpose", value, perm=[order.index(a) for a in range(rank)])

# SPDX-License-Identifier: Apache-2.0
"""Resize by its meaning: nearest takes rows and columns, every other interpolation is a product with a matrix per axis.

Linear interpolation of images in the usual modes stays what it is: there are kernels for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain

# What linear kernels know, where the ratio of the sizes is the scale.
_KEPT = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")


@rewrite("Resize", "Upsample")
def resize(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shape, wanted = scope.shape(node.input[0]), scope.shape(node.output[0])
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    mode = attributes.get("mode", b"nearest").decode()
    coordinates = attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
    if node.op_type == "Upsample":
        coordinates, attributes["nearest_mode"] = "asymmetric", b"floor"
    if shape is None or wanted is None or coordinates == "tf_crop_and_resize":
        return None
    scales = _scales(node, scope, attributes, shape, wanted)
    axes = [a for a in range(len(shape)) if shape[a] != wanted[a] or scales[a] != 1.0]
    plain = all(math.isclose(scales[a], wanted[a] / shape[a], rel_tol=1e-6) for a in axes)
    images = len(shape) == 4 and set(axes) <= {2, 3} and node.op_type == "Resize"
    if mode == "linear" and plain and images and coordinates in _KEPT and not attributes.get("antialias", 0):
        return None
    chain = Chain(scope, node.name or node.output[0])
    value = node.input[0]
    for axis in axes:
        size, count, scale = shape[axis], wanted[axis], scales[axis]
        places = _places(coordinates, np.arange(count, dtype=np.float64), size, count, scale)
        if mode == "nearest":
            index = _nearest(attributes.get("nearest_mode", b"round_prefer_floor").decode(), places)
            value = chain.add("Gather", value, chain.constant(np.clip(index, 0, size - 1), np.int64), axis=axis)
        else:
            value = _product(chain, value, _matrix(mode, attributes, places, size, scale), axis, len(shape))
    chain.add("Identity", value, output=node.output[0])
    return chain.nodes


def _scales(node, scope: Scope, attributes: dict[str, Any], shape, wanted) -> list[float]:
    """The factor of every axis: given, or the ratio of the sizes, adjusted as `keep_aspect_ratio_policy` says."""
    axes = list(attributes.get("axes", range(len(shape))))
    place = 1 if node.op_type == "Upsample" else 2
    given = scope.array(node.input[place]) if len(node.input) > place and node.input[place] else None
    result = [w / s for s, w in zip(shape, wanted)]
    if given is not None and given.size:
        for axis, scale in zip(axes, given.tolist()):
            result[axis] = scale
        return result
    sizes = scope.array(node.input[3]) if len(node.input) > 3 and node.input[3] else None
    policy = attributes.get("keep_aspect_ratio_policy", b"stretch").decode()
    if sizes is not None and policy != "stretch":
        choose: Callable = min if policy == "not_larger" else max
        scale = choose(int(size) / shape[axis] for axis, size in zip(axes, sizes.tolist()))
        for axis in axes:
            result[axis] = scale
    return result


def _places(mode: str, x: np.ndarray, size: int, count: int, scale: float) -> np.ndarray:
    """ONNX's coordinate_transformation_mode: places in the input for places in the output."""
    if mode == "asymmetric":
        return x / scale
    if mode == "align_corners":
        length = scale * size  # ONNX does not round it
        return x * (size - 1) / (length - 1) if length != 1 else x * 0.0
    if mode == "pytorch_half_pixel" and count <= 1:
        return x * 0.0
    if mode == "half_pixel_symmetric":
        adjustment = count / (scale * size)
        return size / 2 * (1 - adjustment) + (x + 0.5) / scale - 0.5
    return (x + 0.5) / scale - 0.5


def _nearest(mode: str, places: np.ndarray) -> np.ndarray:
    if mode == "floor":
        return np.floor(places)
    if mode == "ceil":
        return np.ceil(places)
    return np.ceil(places - 0.5) if mode == "round_prefer_floor" else np.floor(places + 0.5)


def _matrix(mode: str, attributes: dict[str, Any], places: np.ndarray, size: int, scale: float) -> np.ndarray:
    """float64 [size, output size]: what each value of the input counts for each of the output."""
    stretch = min(scale, 1.0) if attributes.get("antialias", 0) else 1.0
    a = attributes.get("cubic_coeff_a", -0.75)
    reach = (1 if mode == "linear" else 2) / stretch
    matrix = np.zeros((size, len(places)))
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


def _product(chain: Chain, value: str, matrix: np.ndarray, axis: int, rank: int) -> str:
    """`value` with `axis` brought last, multiplied, and brought back."""
    order = [a for a in range(rank) if a != axis] + [axis]
    if axis != rank - 1:
        value = chain.add("Transpose", value, perm=order)
    value = chain.add("MatMul", value, chain.constant(matrix))
    return value if axis == rank - 1 else chain.add("Transpose", value, perm=[order.index(a) for a in range(rank)])

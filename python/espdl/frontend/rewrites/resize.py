# SPDX-License-Identifier: Apache-2.0
"""Resize by its meaning: nearest takes rows and columns, every other interpolation is a product with a matrix per axis.

Linear interpolation of images in the usual modes stays, with the sizes of all axes: there are kernels for it.
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


_CROP = "tf_crop_and_resize"


@rewrite("Resize", "Upsample")
def resize(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shape, wanted = scope.shape(node.input[0]), scope.shape(node.output[0])
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    mode = attributes.get("mode", b"nearest").decode()
    coordinates = attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
    if node.op_type == "Upsample":
        coordinates, attributes["nearest_mode"] = "asymmetric", b"floor"
    if shape is None or wanted is None:
        return None
    crops = _crops(node, scope, attributes, len(shape)) if coordinates == _CROP else {}
    if crops is None:
        return None
    scales = _scales(node, scope, attributes, shape, wanted)
    axes = [a for a in range(len(shape)) if shape[a] != wanted[a] or scales[a] != 1.0 or a in crops]
    chain = Chain(scope, node.name or node.output[0])
    plain = all(math.isclose(scales[a], wanted[a] / shape[a], rel_tol=1e-6) for a in axes)
    images = len(shape) == 4 and set(axes) <= {2, 3} and node.op_type == "Resize"
    aligned_to_one = coordinates == "align_corners" and 1 in (wanted[a] for a in axes)
    if mode == "linear" and plain and images and coordinates in _KEPT and not attributes.get("antialias", 0):
        if not aligned_to_one:
            return _with_sizes(chain, node, attributes, wanted)
    value = node.input[0]
    outside = np.zeros([1] * len(shape), bool)
    for axis in axes:
        size, count, scale = shape[axis], wanted[axis], scales[axis]
        places = _places(coordinates, count, size, scale, crops.get(axis))
        beyond = (places < 0) | (places > size - 1) if coordinates == _CROP else np.zeros(count, bool)
        outside = outside | beyond.reshape([count if a == axis else 1 for a in range(len(shape))])
        if mode == "nearest":
            index = _nearest(attributes.get("nearest_mode", b"round_prefer_floor").decode(), places)
            value = chain.add("Gather", value, chain.constant(np.clip(index, 0, size - 1), np.int64), axis=axis)
        else:
            value = _product(chain, value, _matrix(mode, attributes, places, size, scale), axis, len(shape))
    if outside.any():
        value = chain.add("Mul", value, chain.constant(~outside))
        extrapolated = attributes.get("extrapolation_value", 0.0)
        value = chain.add("Add", value, chain.constant(outside * extrapolated)) if extrapolated else value
    chain.add("Identity", value, output=node.output[0])
    return chain.nodes


def _with_sizes(
    chain: Chain, node: onnx.NodeProto, attributes: dict[str, Any], wanted: tuple[int, ...]
) -> list[onnx.NodeProto] | None:
    """The node with the sizes of all axes, None where it has them."""
    if len(node.input) > 3 and not {"axes", "keep_aspect_ratio_policy"} & set(attributes):
        return None
    kept = {k: v for k, v in attributes.items() if k not in ("axes", "keep_aspect_ratio_policy")}
    chain.add("Resize", node.input[0], "", "", chain.constant(wanted, np.int64), output=node.output[0], **kept)
    return chain.nodes


def _crops(
    node: onnx.NodeProto, scope: Scope, attributes: dict[str, Any], rank: int
) -> dict[int, tuple[float, float]] | None:
    """Where the part that is taken begins and ends along each axis; None where that is computed."""
    region = scope.array(node.input[1]) if node.input[1] else None
    if region is None:
        return None
    axes = [axis % rank for axis in attributes.get("axes", range(rank))]
    found = {axis: (float(region[i]), float(region[i + len(axes)])) for i, axis in enumerate(axes)}
    return {axis: ends for axis, ends in found.items() if ends != (0.0, 1.0)}


def _scales(node, scope: Scope, attributes: dict[str, Any], shape, wanted) -> list[float]:
    """The factor of every axis: given, or the ratio of the sizes, adjusted as `keep_aspect_ratio_policy` says."""
    axes = list(attributes.get("axes", range(len(shape))))
    place = 1 if node.op_type == "Upsample" else 2
    given = scope.array(node.input[place]) if len(node.input) > place and node.input[place] else None
    result = [w / s for s, w in zip(shape, wanted)]
    if given is not None and given.size:
        for axis, scale in zip(axes, given.tolist()):
            if not math.isclose(scale, result[axis], rel_tol=1e-6):
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


def _matrix(mode: str, attributes: dict[str, Any], places: np.ndarray, size: int, scale: float) -> np.ndarray:
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


def _product(chain: Chain, value: str, matrix: np.ndarray, axis: int, rank: int) -> str:
    """`value` with `axis` brought last, multiplied, and brought back."""
    order = [a for a in range(rank) if a != axis] + [axis]
    if axis != rank - 1:
        value = chain.add("Transpose", value, perm=order)
    value = chain.add("MatMul", value, chain.constant(matrix))
    return value if axis == rank - 1 else chain.add("Transpose", value, perm=[order.index(a) for a in range(rank)])

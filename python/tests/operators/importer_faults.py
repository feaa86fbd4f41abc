# SPDX-License-Identifier: CC0-1.0
"""Attributes and shapes with which one operator alone goes wrong in a library below us: TVM's importer, onnx's shape
inference, onnx's version converter. docs/upstream.md tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from small_models import normal

TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


@dataclass(frozen=True)
class Held:
    """An operand that the model holds."""

    values: np.ndarray


def held(values: Any, dtype: type = np.float32) -> Held:
    return Held(np.asarray(values, dtype))


def whole(*values: int) -> Held:
    return held(values, np.int64)


@dataclass(frozen=True)
class Case:
    """`operands`: an array is an input of the model, None is left out. `outputs`: of the node, "" is left out."""

    operator: str
    operands: Sequence[np.ndarray | Held | None]
    attributes: dict[str, Any]
    opset: int = 17
    outputs: Sequence[str] = ("y",)

    def build(self) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
        names = ["" if value is None else f"x{i}" for i, value in enumerate(self.operands)]
        pairs = list(zip(names, self.operands))
        given = {n: v for n, v in pairs if isinstance(v, np.ndarray)}
        constants = [numpy_helper.from_array(v.values, n) for n, v in pairs if isinstance(v, Held)]
        layer = helper.make_node(self.operator, names, list(self.outputs), name="layer", **self.attributes)
        inputs = [helper.make_tensor_value_info(n, TYPES[str(v.dtype)], v.shape) for n, v in given.items()]
        outputs = [helper.make_empty_tensor_value_info(name) for name in self.outputs if name]
        graph = helper.make_graph([layer], "net", inputs, outputs, constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10), given


IMAGE = normal(1, 2, 6, 5)
REGIONS = held([[1, 1, 9, 13], [3, 2, 18, 18], [-3, -2, 5, 40], [4, 4, 4.2, 4.1]])
PLACES = normal(1, 2, 7, 6, seed=3)
POOL = {"kernel_shape": [3, 3], "strides": [2, 2]}
ORDER = np.argsort(normal(2, 3, 4, seed=6), axis=0) - 3


def regions(mode: str, scale: float, ratio: int) -> Case:
    attributes = {"coordinate_transformation_mode": mode, "spatial_scale": scale, "sampling_ratio": ratio}
    return Case("RoiAlign", [PLACES, REGIONS, whole(0, 0, 0, 0)], {**attributes, "output_height": 3}, 16)


def sized(sizes: Sequence[int], **attributes: Any) -> Case:
    return Case("Resize", [IMAGE, None, None, whole(*sizes)], attributes, 19)


def scaled(scales: Sequence[float], opset: int = 19, **attributes: Any) -> Case:
    return Case("Resize", [IMAGE, None, held(scales)], attributes, opset)


def unpooled(shape: Sequence[int], *given: Held, **attributes: Any) -> Case:
    values = normal(*shape, seed=5)
    numbers = np.arange(values.size).reshape(shape) * 3 + 1
    return Case("MaxUnpool", [values, numbers, *given], attributes)


CROP = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 3.0}
CASES: dict[str, Case] = {
    "roi_align_half_pixel": regions("half_pixel", 0.5, 2),
    "roi_align_half_pixel_quarter": regions("half_pixel", 0.25, 0),
    "roi_align_output_half_pixel": regions("output_half_pixel", 0.5, 1),
    "resize_axes_linear": sized([8, 12], mode="linear", axes=[2, 3]),
    "resize_one_axis": sized([9], mode="linear", axes=[-1]),
    "resize_axes_in_reverse": sized([9, 4], mode="linear", axes=[3, 2], antialias=1),
    "resize_not_larger": sized([4, 9], mode="linear", axes=[2, 3], keep_aspect_ratio_policy="not_larger"),
    "resize_not_smaller": sized([4, 9], mode="cubic", axes=[2, 3], keep_aspect_ratio_policy="not_smaller"),
    "resize_to_one": sized([1, 2, 1, 1], mode="linear", coordinate_transformation_mode="align_corners"),
    "resize_aligned_fraction": scaled(
        [1, 1, 1.7, 0.6], mode="linear", coordinate_transformation_mode="align_corners", antialias=1
    ),
    "resize_nearest_at_a_tie": scaled([1, 1, 1.7, 0.6], mode="nearest", nearest_mode="floor"),
    "resize_rounded_size": scaled([1, 1, 2.3, 1.4], 13, mode="linear"),
    "resize_of_opset_10": Case("Resize", [IMAGE, held([1, 1, 2.3, 1.4])], {"mode": "linear"}, 10),
    "upsample_linear": Case("Upsample", [IMAGE, held([1, 1, 2, 3])], {"mode": "linear"}, 9),
    "resize_crop_axes": Case(
        "Resize",
        [IMAGE, held([-0.2, 0.1, 1.3, 0.7]), None, whole(4, 7)],
        {**CROP, "mode": "linear", "axes": [2, 3]},
        19,
    ),
    "resize_crop_nearest": Case(
        "Resize", [IMAGE, held([0.1, 0.2, 0.8, 1.2]), None, whole(4, 7)], {**CROP, "axes": [2, 3]}, 19
    ),
    "layer_norm_computed": Case("LayerNormalization", [normal(2, 3, 4), normal(4), normal(3, 4)], {"axis": 1}),
    "layer_norm_broadcast": Case("LayerNormalization", [normal(2, 3, 4), held([1.5]), held(normal(4))], {"axis": 1}),
    "lp_pool_ceil": Case("LpPool", [normal(1, 2, 9, 9)], {**POOL, "pads": [0, 0, 1, 1], "ceil_mode": 1, "p": 3}, 22),
    "lp_pool_dilated": Case("LpPool", [normal(1, 2, 9)], {"kernel_shape": [2], "dilations": [3], "p": 1}, 18),
    "average_pool_ceil": Case("AveragePool", [normal(1, 2, 9, 9)], {**POOL, "pads": [1] * 4, "ceil_mode": 1}, 19),
    "max_pool_same_lower": Case("MaxPool", [PLACES], {**POOL, "auto_pad": "SAME_LOWER"}),
    "max_pool_same_dilated": Case("MaxPool", [PLACES], {**POOL, "auto_pad": "SAME_UPPER", "dilations": [2, 2]}),
    "max_pool_places": Case("MaxPool", [PLACES], {**POOL, "pads": [1] * 4}, outputs=("y", "places")),
    "max_pool_places_by_columns": Case(
        "MaxPool",
        [normal(2, 3, 7, 6)],
        {**POOL, "dilations": [2, 2], "pads": [1, 0, 1, 2], "ceil_mode": 1, "storage_order": 1},
        outputs=("y", "places"),
    ),
    "max_pool_places_of_a_signal": Case("MaxPool", [normal(1, 3, 9)], {"kernel_shape": [2]}, outputs=("y", "places")),
    "max_unpool": unpooled([1, 2, 3, 3], kernel_shape=[2, 2], strides=[2, 2]),
    "max_unpool_pads": unpooled([1, 1, 3, 4], kernel_shape=[3, 2], strides=[3, 3], pads=[1, 0, 0, 0]),
    "max_unpool_shape": unpooled([1, 1, 2, 3], whole(1, 1, 5, 7), kernel_shape=[2, 2], strides=[2, 2]),
    "transposed_output_shape": Case(
        "ConvTranspose", [normal(1, 2, 4), held(normal(2, 3, 3))], {"strides": [2], "output_shape": [7]}
    ),
    "stft_rank_2": Case("STFT", [normal(1, 20), whole(3), held(np.hanning(8))], {}),
    "l1_of_nothing": Case("ReduceL1", [normal(2, 3)], {"noop_with_empty_axes": 1}, 18),
    "l2_of_nothing": Case("ReduceL2", [normal(2, 3), held([], np.int64)], {"noop_with_empty_axes": 1}, 18),
    "squares_of_nothing": Case("ReduceSumSquare", [normal(2, 3)], {"noop_with_empty_axes": 1}, 18),
    "logarithm_of_nothing": Case("ReduceLogSum", [np.exp(normal(2, 3))], {"noop_with_empty_axes": 1}, 18),
    "scatter_smaller": Case("ScatterElements", [normal(3, 4, 5), ORDER, normal(2, 3, 4)], {"axis": 0}, 16),
    "pad_wrapped_behind_a_cut": Case("Pad", [normal(3, 4, 5), whole(0, -1, 2, 0, 0, -1)], {"mode": "wrap"}, 19),
    "shrink_negative": Case("Shrink", [normal(1, 40)], {"lambd": -1.0, "bias": 0.3}),
    "clip_crossed": Case("Clip", [normal(1, 40), held(1), held(-1)], {}),
    "hardmax_of_opset_11": Case("Hardmax", [normal(2, 3, 4)], {"axis": 1}, 11),
    "power_of_integers": Case("Pow", [np.arange(-4, 5), held(3, np.int64)], {}),
}

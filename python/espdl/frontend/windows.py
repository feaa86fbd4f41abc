# SPDX-License-Identifier: Apache-2.0
"""Convolutions and pools with explicit pads: what auto_pad, output_shape and ceil_mode come to for given sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import helper

from espdl.frontend.shapes import Shape

_POOLS = ("MaxPool", "AveragePool", "LpPool")
REASON = (
    "its auto_pad stands for negative pads, as its stride is larger than its kernel and the input no multiple of both; "
    "runtimes disagree on them"
)
_UPPER, _SAME = b"SAME_UPPER", (b"SAME_UPPER", b"SAME_LOWER")


@dataclass(frozen=True)
class _Axis:
    """A window and what it slides over, along one axis."""

    size: int
    kernel: int
    stride: int
    dilation: int

    @property
    def reach(self) -> int:
        """From the first value of a window to its last."""
        return (self.kernel - 1) * self.dilation + 1


def is_candidate(node: onnx.NodeProto) -> bool:
    """Whether `settle` may change it."""
    return is_open(node) or (node.op_type in _POOLS and bool(_attributes(node).get("ceil_mode", 0)))


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def is_open(node: onnx.NodeProto) -> bool:
    """Whether it has attributes that `settle` takes away."""
    if node.op_type not in ("Conv", "ConvTranspose", *_POOLS):
        return False
    attributes = _attributes(node)
    return attributes.get("auto_pad", b"NOTSET") != b"NOTSET" or "output_shape" in attributes


def settle(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> bool:
    """Gives it explicit pads, in place; whether the size that was inferred for its result was not the one it has.

    `auto_pad` and `output_shape` go; `ceil_mode` stays only where it adds a window. A node stays as it is where its
    sizes are not known, and where its pads are negative: a pool with a kernel smaller than its stride can have those.
    """
    attributes = _attributes(node)
    axes = _axes(node, attributes, shapes)
    if axes is None:
        return False
    count = len(axes)
    pads = list(attributes.get("pads", [0] * (2 * count)))
    extra = list(attributes.get("output_padding", [0] * count))
    mode = attributes.pop("auto_pad", b"NOTSET")
    wanted = list(attributes.pop("output_shape", []))[-count:]
    given = [(pads[i], pads[i + count]) for i in range(count)]
    if node.op_type == "ConvTranspose":
        fitted = [_transposed(a, e, mode, p, w) for a, e, p, w in zip(axes, extra, given, wanted or [None] * count)]
        given, extra = [p for p, _ in fitted], [e for _, e in fitted]
        if any(extra):
            attributes["output_padding"] = extra
        sizes = [(a.size - 1) * a.stride + a.reach + e - sum(p) for a, e, p in zip(axes, extra, given)]
    else:
        if mode != b"NOTSET":
            given = [_around(a, mode, node.op_type == "Conv") for a in axes]
            if min(min(p) for p in given) < 0:
                return False
        floor = [(a.size + sum(p) - a.reach) // a.stride + 1 for a, p in zip(axes, given)]
        ceil = [_ceiling(a, p) for a, p in zip(axes, given)]
        sizes = ceil if attributes.pop("ceil_mode", 0) else floor
        if sizes != floor:
            attributes["ceil_mode"] = 1
    attributes["pads"] = [p[0] for p in given] + [p[1] for p in given]
    if attributes == _attributes(node):
        return False
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    return list(shapes.get(node.output[0], ())[2:]) != sizes


def _axes(node: onnx.NodeProto, attributes: Mapping[str, Any], shapes: Mapping[str, Shape]) -> list[_Axis] | None:
    shape = shapes.get(node.input[0])
    weights = shapes.get(node.input[1]) if node.op_type not in _POOLS else None
    kernel: Sequence[int | None] | None = attributes.get("kernel_shape", weights[2:] if weights else None)
    if shape is None or kernel is None or None in shape[2:] or None in kernel:
        return None
    ones = [1] * len(kernel)
    sizes = (shape[2:], kernel, attributes.get("strides", ones), attributes.get("dilations", ones))
    return [_Axis(*numbers) for numbers in zip(*sizes)]


def _around(axis: _Axis, mode: bytes, dilated: bool) -> tuple[int, int]:
    """The pads that `auto_pad` stands for. A pool's are those of its kernel without dilation, in ONNX Runtime."""
    if mode not in _SAME:
        return 0, 0
    total = (-(-axis.size // axis.stride) - 1) * axis.stride + (axis.reach if dilated else axis.kernel) - axis.size
    return _halves(max(total, 0) if dilated else total, mode)


def _halves(total: int, mode: bytes) -> tuple[int, int]:
    less, more = total // 2, (total + 1) // 2
    return (less, more) if mode == _UPPER else (more, less)


def _ceiling(axis: _Axis, pads: tuple[int, int]) -> int:
    """How many windows begin in the input or before it, the last of which may reach beyond the pads."""
    count = -(-(axis.size + sum(pads) - axis.reach) // axis.stride) + 1
    return count - 1 if (count - 1) * axis.stride >= axis.size + pads[0] else count


def _transposed(
    axis: _Axis, extra: int, mode: bytes, pads: tuple[int, int], wanted: int | None
) -> tuple[tuple[int, int], int]:
    """Pads and output_padding of a transposed convolution."""
    if wanted is None and mode not in _SAME:
        return ((0, 0) if mode == b"VALID" else pads), extra
    size = axis.size * axis.stride if wanted is None else wanted
    surplus = (axis.size - 1) * axis.stride + axis.reach + extra - size
    if wanted is not None:
        extra += max(-surplus, 0)
    return _halves(max(surplus, 0), mode), extra

# SPDX-License-Identifier: Apache-2.0
"""Convolutions and pools with explicit pads: what auto_pad, output_shape and ceil_mode come to for given sizes."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from espdl.frontend.graph import values

_POOLS = ("MaxPool", "AveragePool", "LpPool")
REASON = (
    "its auto_pad stands for negative pads, as its stride is larger than its kernel and the input no multiple of both; "
    "runtimes disagree on them"
)
_UPPER, _SAME = "SAME_UPPER", ("SAME_UPPER", "SAME_LOWER")


@dataclass(frozen=True)
class Axis:
    """A window and what it slides over, along one axis."""

    size: int
    kernel: int
    stride: int
    dilation: int

    @property
    def reach(self) -> int:
        """From the first value of a window to its last."""
        return (self.kernel - 1) * self.dilation + 1

    def count(self, pads: tuple[int, int], ceil: bool) -> int:
        """How many windows; with `ceil` the last may reach beyond the pads, if it begins in the input or before it."""
        rest = self.size + sum(pads) - self.reach
        more = ceil and rest % self.stride and (rest // self.stride + 1) * self.stride < self.size + pads[0]
        return rest // self.stride + (2 if more else 1)


def is_candidate(node: ir.Node) -> bool:
    """Whether `settle` may change it."""
    return is_open(node) or (node.op_type in _POOLS and bool(node.attributes.get_int("ceil_mode", 0)))


def is_open(node: ir.Node) -> bool:
    """Whether it has attributes that `settle` takes away."""
    if node.op_type not in ("Conv", "ConvTranspose", *_POOLS):
        return False
    return node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in node.attributes


def settle(node: ir.Node) -> bool:
    """Gives it explicit pads, in place; whether the size that was inferred for its result was not the one it has.

    `auto_pad` and `output_shape` go; `ceil_mode` stays only where it adds a window. A node stays as it is where its
    sizes are not known, and where its pads are negative: a pool with a kernel smaller than its stride can have those.
    """
    attributes = values(node)
    axes = axes_of(node)
    if axes is None:
        return False
    count = len(axes)
    pads = list(attributes.get("pads", [0] * (2 * count)))
    extra = list(attributes.get("output_padding", [0] * count))
    mode = attributes.pop("auto_pad", "NOTSET")
    wanted = list(attributes.pop("output_shape", []))[-count:]
    given = [(pads[i], pads[i + count]) for i in range(count)]
    if node.op_type == "ConvTranspose":
        fitted = [_transposed(a, e, mode, p, w) for a, e, p, w in zip(axes, extra, given, wanted or [None] * count)]
        given, extra = [p for p, _ in fitted], [e for _, e in fitted]
        if any(extra):
            attributes["output_padding"] = extra
        sizes = [(a.size - 1) * a.stride + a.reach + e - sum(p) for a, e, p in zip(axes, extra, given)]
    else:
        if mode != "NOTSET":
            given = [_around(a, mode, node.op_type == "Conv") for a in axes]
            if min(min(p) for p in given) < 0:
                return False
        ceil = bool(attributes.pop("ceil_mode", 0))
        sizes = [axis.count(p, ceil) for axis, p in zip(axes, given)]
        if sizes != [axis.count(p, False) for axis, p in zip(axes, given)]:
            attributes["ceil_mode"] = 1
    attributes["pads"] = (*(p[0] for p in given), *(p[1] for p in given))
    if attributes == values(node):
        return False
    inferred = _sizes(node.outputs[0])
    node.attributes.clear()
    for attribute in ir.convenience.convert_attributes(attributes):
        node.attributes.add(attribute)
    return inferred != tuple(sizes)


def axes_of(node: ir.Node) -> list[Axis] | None:
    """Those of a convolution or pool, None where a size is not known."""
    if node.op_type not in _POOLS and "kernel_shape" not in node.attributes:
        kernel = _sizes(node.inputs[1])
    else:
        kernel = tuple(node.attributes.get_ints("kernel_shape"))
    sizes = _sizes(node.inputs[0])
    if sizes is None or kernel is None:
        return None
    ones = [1] * len(kernel)
    more = (node.attributes.get_ints(name, ones) for name in ("strides", "dilations"))
    return [Axis(*numbers) for numbers in zip(sizes, kernel, *more)]


def _sizes(value: ir.Value | None) -> tuple[int, ...] | None:
    """Those of all axes after the channels, None where one is not known."""
    every = () if value is None or value.shape is None else value.shape[2:]
    known = tuple(size for size in every if isinstance(size, int))
    return known if value is not None and value.shape is not None and len(known) == len(every) else None


def _around(axis: Axis, mode: str, dilated: bool) -> tuple[int, int]:
    """The pads that `auto_pad` stands for. A pool's are those of its kernel without dilation, in ONNX Runtime."""
    if mode not in _SAME:
        return 0, 0
    total = (-(-axis.size // axis.stride) - 1) * axis.stride + (axis.reach if dilated else axis.kernel) - axis.size
    return _halves(max(total, 0) if dilated else total, mode)


def _halves(total: int, mode: str) -> tuple[int, int]:
    less, more = total // 2, (total + 1) // 2
    return (less, more) if mode == _UPPER else (more, less)


def _transposed(
    axis: Axis, extra: int, mode: str, pads: tuple[int, int], wanted: int | None
) -> tuple[tuple[int, int], int]:
    """Pads and output_padding of a transposed convolution."""
    if wanted is None and mode not in _SAME:
        return ((0, 0) if mode == "VALID" else pads), extra
    size = axis.size * axis.stride if wanted is None else wanted
    surplus = (axis.size - 1) * axis.stride + axis.reach + extra - size
    if wanted is not None:
        extra += max(-surplus, 0)
    return _halves(max(surplus, 0), mode), extra

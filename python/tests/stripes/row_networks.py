# SPDX-License-Identifier: CC0-1.0
"""Random networks of layers that can run for some rows: chains with residual sums, concatenations, pads and resizes.

Of int8 or int16, with their input in the arena, at the caller, or given by rows.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from espdl import backends
from espdl import plan as planner
from espdl.backends import inputs as application_inputs
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.concat import Concat
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.gather import GatherPixels
from espdl.ops.lookup import Lookup
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.mul import Mul
from espdl.ops.operator import Operator
from espdl.ops.pad import Pad, Side
from espdl.ops.resize_linear import ResizeLinear
from espdl.plan.types import Plan, Port, Tensor
from espdl.targets import ROUND_TFLITE, Target, select

MAX_VALUES = 4000  # of a tensor: small, so that many networks are tried

INPUT_MEMORY = ("arena", "caller", "rows")
KINDS = (
    "conv", "conv", "depthwise", "depthwise", "depthwise", "product", "product", "residual", "add", "concat", "nearest",
    "transpose", "linear", "max", "mean", "pad", "lookup", "scale",
)  # fmt: skip


class Builder:
    """Appends layers; every method takes tensors and returns the result of the layer."""

    def __init__(self, seed: int, target: Target, dtype: str = "int8"):
        self.dtype = dtype
        self.random = np.random.default_rng(seed)
        self.target = target
        self.is_affine = target.rounding == ROUND_TFLITE
        self.numbers = itertools.count()
        self.nodes: list[Operator] = []
        self.tensors: list[Tensor] = []

    def tensor(self, *shape: int, like: Tensor | None = None) -> Tensor:
        scale = float(self.random.uniform(0.02, 0.06)) if self.is_affine else 2.0 ** -int(self.random.integers(4, 6))
        zero = int(self.random.integers(-128, 20)) if self.is_affine and self.dtype == "int8" else 0
        made = Tensor(f"t{next(self.numbers)}", (1, *shape), self.dtype, scale, zero)
        if like is not None:
            made = replace(made, scale=like.scale, zero_point=like.zero_point)
        self.tensors.append(made)
        return made

    def put(self, node: Operator) -> Tensor | None:
        """The result; None where no backend takes the layer."""
        if backends.select(node, self.target).call is None:
            return None
        self.nodes.append(node)
        return node.outputs[0]

    def weights(self, channels: int, *taps: int) -> dict:
        ratio = np.full(channels, 2.0**-9) if not self.is_affine else self.random.uniform(0.001, 0.004, channels)
        ratio = ratio if self.dtype == "int8" else ratio / 2  # the values are larger: more of them saturate
        return {
            "weights": self.random.integers(-100, 101, (channels, *taps)).astype(np.int8),
            "weights_scale": ratio,
            "bias": self.random.integers(-900, 900, channels).astype(np.int32),
            "activation": None if self.random.integers(0, 2) else (0.0, 6.0),
        }

    def conv(
        self, x: Tensor, channels: int, kernel: tuple, stride: tuple, dilation: tuple, pads: tuple, groups: int = 1
    ) -> Conv2d:
        """Pads are top, left, bottom, right; each less than what a window spans."""
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
        size = [(n + pads[i] + pads[i + 2] - spans[i]) // stride[i] + 1 for i, n in enumerate(x.shape[1:3])]
        return Conv2d(
            inputs=(x,),
            outputs=(self.tensor(*size, channels),),
            source_nodes=(),
            **self.weights(channels, *kernel, x.shape[3] // groups),
            strides=stride,
            pads=pads,
            dilations=dilation,
            groups=groups,
        )

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        return self.put(Add((a, b), (self.tensor(*a.shape[1:]),), (), None))

    def pool(self, kind: type, x: Tensor, kernel: tuple, stride: tuple, pads: tuple) -> Tensor:
        size = [(n + pads[i] + pads[i + 2] - kernel[i]) // stride[i] + 1 for i, n in enumerate(x.shape[1:3])]
        if kind is MaxPool2d:
            y = self.tensor(*size, x.shape[3], like=x)
            return self.put(MaxPool2d((x,), (y,), (), kernel, stride, pads, (1, 1), None))
        y = self.tensor(*size, x.shape[3])
        return self.put(
            AveragePool2d((x,), (y,), (), x.shape[1:], tuple(size), kernel, stride, pads, (1, 1), False, None)
        )

    def nearest(self, x: Tensor, factors: tuple) -> Tensor:
        _, height, width, channels = x.shape
        index = [np.arange(n * f, dtype=np.int32) // f for n, f in zip((height, width), factors)]
        y = self.tensor(height * factors[0], width * factors[1], channels, like=x)
        return self.put(GatherPixels((x,), (y,), (), (1, height, width, channels), *index))

    def plan(self, inputs: list[Tensor], outputs: list[Tensor], input_memory: str) -> Plan:
        """All layers as calls with what they say of rows, in the order in which they were made."""
        calls = [backends.lower(node, self.target) for node in self.nodes]
        by_name = {t.name: t for t in self.tensors}
        calls = [backends.with_rows(call, by_name.__getitem__) for call in calls]
        given, results = [[Port(t.name, t.name) for t in side] for side in (inputs, outputs)]
        calls, tensors, given = application_inputs.from_application(
            input_memory, calls, self.tensors, given, results, self.target
        )
        return planner.memory.assign(
            Plan(
                tuple(tensors),
                tuple(calls),
                tuple(given),
                tuple(results),
                target=self.target.chip,
                scheme=self.target.scheme,
            )
        )


@st.composite
def networks(
    draw: st.DrawFn, chip: str = "generic", max_layers: int = 7, input_memory: tuple[str, ...] = INPUT_MEMORY
) -> Plan:
    """A plan without regions, in the order in which the layers were drawn."""
    dtype = draw(st.sampled_from(["int8", "int8", "int16"]))
    target = select(chip, "auto", draw(st.sampled_from(["affine", "power_of_two"])) if dtype == "int8" else "affine")
    b = Builder(draw(st.integers(0, 2**32 - 1)), target, dtype)
    height, width = draw(st.integers(3, 17)), draw(st.integers(1, 9))
    planar = draw(st.booleans())
    if planar:
        image = b.tensor(3, height, width)
        like = replace(image, name="unused", shape=(1, height, width, 3))
        conv = b.conv(like, draw(st.sampled_from([4, 8])), *_window(draw, like))
        first = b.put(Conv2dPlanar((image,), conv.outputs, (), conv))
    if not planar or first is None:
        b = Builder(draw(st.integers(0, 2**32 - 1)), target, dtype)
        image = b.tensor(height, width, draw(st.sampled_from([1, 3, 8])))
        first = b.put(b.conv(image, draw(st.sampled_from([4, 8])), *_window(draw, image)))
    assume(first is not None)
    made = [first]
    for _ in range(draw(st.integers(1, max_layers))):
        kind = draw(st.sampled_from(KINDS))
        layer = _layer(draw, b, kind, draw(st.sampled_from([made[-1], made[-1], draw(st.sampled_from(made))])), made)
        made += [] if layer is None else [layer]
    read = {t.name for node in b.nodes for t in node.inputs}
    outputs = [t for t in made if t.name not in read]
    return b.plan([image], outputs, draw(st.sampled_from(input_memory)))


@st.composite
def depthwise_networks(draw: st.DrawFn) -> Plan:
    """Depthwise layers on the ESP32-S3's vector unit between products, all of whose rows are whole vectors."""
    b = Builder(draw(st.integers(0, 2**32 - 1)), select("esp32s3", "auto", "power_of_two"))
    image = x = b.tensor(draw(st.integers(6, 17)), 2 * draw(st.integers(2, 4)), 16)
    for _ in range(draw(st.integers(1, 2))):
        product = b.conv(x, draw(st.sampled_from([8, 16, 32])), (1, 1), (1, 1), (1, 1), (0, 0, 0, 0))
        x = b.put(product)
        y = _layer(draw, b, "depthwise", x, [x])
        assume(y is not None and y.shape[1] > 1 and y.shape[2] * y.shape[3] % 16 == 0)
        x = y
    return b.plan([image], [x], "arena")


def _window(draw: st.DrawFn, x: Tensor) -> tuple[tuple, tuple, tuple, tuple]:
    """Kernel, stride, dilation and pads of a window that fits."""
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(2))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(2))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    pads = tuple(draw(st.integers(0, span - 1)) for span in spans * 2)
    if any(n + pads[i] + pads[i + 2] < spans[i] for i, n in enumerate(x.shape[1:3])):
        return (1, 1), (1, 1), (1, 1), (0, 0, 0, 0)
    return kernel, tuple(draw(st.integers(1, 3)) for _ in range(2)), dilation, pads


def _layer(draw: st.DrawFn, b: Builder, kind: str, x: Tensor, made: list[Tensor]) -> Tensor | None:
    """One more layer that reads `x`; None where that is impossible or too large."""
    _, height, width, channels = x.shape
    if kind == "conv":
        return b.put(b.conv(x, draw(st.sampled_from([4, 8, 12])), *_window(draw, x)))
    if kind == "depthwise":
        usual = draw(st.integers(0, 2))
        window = _window(draw, x)
        if usual and height >= 3 and width >= 3:
            window = ((3, 3), (usual, usual), (1, 1), (1, 1, 1, 1) if usual == 1 or height % 2 else (0, 0, 1, 1))
        return b.put(b.conv(x, channels, *window, groups=channels))
    if kind == "product":
        return b.put(b.conv(x, draw(st.sampled_from([4, 8, 16, 24])), (1, 1), (1, 1), (1, 1), (0, 0, 0, 0)))
    if kind == "residual":
        span = draw(st.sampled_from([1, 3]))
        conv = b.conv(x, channels, (span, span), (1, 1), (1, 1), (span // 2,) * 4)
        inner, result = conv.outputs[0], b.tensor(height, width, channels)
        node = Conv2dAdd((x, x), (result,), (), replace(conv, activation=None), Add((inner, x), (result,), (), None))
        made = b.put(node)
        if made is not None or b.put(conv) is None:
            return made
        return b.add(x, inner)
    if kind in ("add", "concat"):
        others = [t for t in made if t.shape[1:3] == x.shape[1:3] and (kind == "concat" or t.shape == x.shape)]
        other = draw(st.sampled_from(others))
        if kind == "add":
            return b.add(x, other)
        both = b.tensor(height, width, channels + other.shape[3], like=x)
        return b.put(Concat((x, other), (both,), (), outer=height * width)) if both.count <= MAX_VALUES else _drop(b)
    if kind in ("nearest", "transpose", "linear"):
        return _larger(draw, b, kind, x) if 4 * x.count <= MAX_VALUES else None
    if kind in ("max", "mean"):
        kernel, stride, _, pads = _window(draw, x)
        spans = [(k - 1) // 2 for k in kernel] if kind == "mean" else [k - 1 for k in kernel]
        pads = tuple(min(pad, span) for pad, span in zip(pads, spans * 2))
        if any(n + pads[i] + pads[i + 2] < kernel[i] for i, n in enumerate((height, width))):
            return None
        return b.pool(MaxPool2d if kind == "max" else AveragePool2d, x, kernel, stride, pads)
    if kind == "pad":
        sides = [Side(height, *(draw(st.integers(0, 2)) for _ in range(2))), Side(width * channels, 0, channels)]
        size = [s.before + s.size + s.after for s in sides]
        y = b.tensor(size[0], size[1] // channels, channels, like=x)
        return b.put(Pad((x,), (y,), (), tuple(sides), int(x.zero_point)))
    if kind == "lookup":
        y = b.tensor(*x.shape[1:])
        return b.put(Lookup((x,), (y,), (), function="relax.sigmoid", alpha=0.0, activation=None))
    factors = b.random.integers(1, 100, channels).astype(np.int8)
    constant = Tensor("factors", (channels,), "int8", 2.0**-6, 0)
    if b.dtype != "int8":
        return None
    return b.put(Mul((x,), (b.tensor(*x.shape[1:]),), (), x, constant, factors, False, None))


def _drop(b: Builder) -> None:
    b.tensors.pop()


def _larger(draw: st.DrawFn, b: Builder, kind: str, x: Tensor) -> Tensor:
    _, height, width, channels = x.shape
    factors = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    if kind == "nearest":
        return b.nearest(x, factors)
    if kind == "linear":
        y = b.tensor(height * factors[0], width * factors[1], channels, like=x)
        return b.put(ResizeLinear((x,), (y,), (), draw(st.sampled_from(["half_pixel", "asymmetric"]))))
    kernel = tuple(f + draw(st.integers(0, 2)) for f in factors)
    pads = tuple(draw(st.integers(0, min(1, k - 1))) for k in kernel)
    size = [max(1, (n - 1) * f + k - 2 * p) for n, f, k, p in zip((height, width), factors, kernel, pads)]
    y = b.tensor(*size, 4)
    return b.put(
        ConvTranspose2d((x,), (y,), (), **b.weights(4, *kernel, channels), strides=factors, pads=pads, dilations=(1, 1))
    )

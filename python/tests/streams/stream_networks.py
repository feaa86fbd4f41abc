# SPDX-License-Identifier: CC0-1.0
"""Random networks for streams, described apart from how many rows their input has, so that the network of a window and
that of a long input are the same, weights and scales included."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st
from row_networks import Builder

from espdl import backends
from espdl import plan as planner
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.concat import Concat
from espdl.ops.lookup import Lookup
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.pad import Pad, Side
from espdl.plan import streams
from espdl.plan.types import Plan, Port, Tensor
from espdl.targets import select

KINDS = ("conv", "conv", "depthwise", "product", "add", "concat", "max", "mean", "pad", "lookup", "nearest")


@dataclass(frozen=True)
class Layer:
    """`kind` of KINDS, on the result of layer `source` (-1: the input) and, of sums and concatenations, `other`.

    `rows`, `columns`: kernel, stride, dilation, border before and behind.
    """

    kind: str
    source: int
    other: int = 0
    channels: int = 8
    rows: tuple[int, int, int, int, int] = (1, 1, 1, 0, 0)
    columns: tuple[int, int, int, int, int] = (1, 1, 1, 0, 0)


@dataclass(frozen=True)
class Network:
    seed: int
    width: int
    channels: int
    layers: tuple[Layer, ...]
    chip: str = "generic"
    scheme: str = "affine"
    head: bool = False
    dtype: str = "int8"

    def build(self, height: int) -> tuple[Builder, Tensor, list[Tensor]] | None:
        """Its layers for an input of so many rows; None where one of them cannot be."""
        b = Builder(self.seed, select(self.chip, "auto", self.scheme), self.dtype)
        shape = (height, self.width, self.channels) if self.width > 1 else (1, height, self.channels)
        image = b.tensor(*shape)
        made = [image]
        for layer in self.layers:
            result = _put(b, layer, made[layer.source + 1], made[min(layer.other, layer.source) + 1])
            if result is None:
                return None
            made.append(result)
        return b, image, made

    def plan(self, height: int, stream: tuple[int, str] | None = None) -> Plan | None:
        """Of a window of so many rows; `stream`: the hop and the meaning of edges."""
        built = self.build(height)
        if built is None:
            return None
        b, image, made = built
        outputs = [made[-1]]
        if self.head:
            _, rows, columns, channels = made[-1].shape
            mean, image_size, whole = b.tensor(1, 1, channels), (rows, columns, channels), (rows, columns)
            border = ((0, 0, 0, 0), (1, 1), False, None)
            outputs = [b.put(AveragePool2d((made[-1],), (mean,), (), image_size, (1, 1), whole, (1, 1), *border))]
        ports = [[Port(t.name, t.name) for t in side] for side in ([image], outputs)]
        calls = [backends.lower(node, b.target) for node in b.nodes]
        names = {name for call in calls for name in (*call.inputs, *call.outputs)}
        used = [t for t in b.tensors if t.name in names]
        target = (b.target.chip, b.target.scheme)
        if stream is None:
            return planner.run(calls, used, *ports, *target)
        calls, used = backends.for_stream(calls, used, {t.name for t in outputs}, keeps_states=stream[1] == "stream")
        wanted = streams.Wanted(image.name, *stream, backends.running)
        return planner.run_stream(calls, used, *ports, *target, {}, wanted)


def _put(b: Builder, layer: Layer, x: Tensor, other: Tensor) -> Tensor | None:
    """None where the layer does not fit its input."""
    rows, columns = layer.rows, layer.columns
    is_signal = x.shape[1] == 1 and len(x.shape) == 4
    sides = ((1, 1, 1, 0, 0), rows) if b.tensors[0].shape[1] == 1 and is_signal else (rows, columns)
    kernel, stride, dilation = (tuple(side[i] for side in sides) for i in range(3))
    pads = (sides[0][3], sides[1][3], sides[0][4], sides[1][4])
    _, height, width, channels = x.shape
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    fits = all(n + pads[i] + pads[i + 2] >= spans[i] for i, n in enumerate((height, width)))
    if layer.kind in ("conv", "depthwise", "product", "max", "mean") and not fits:
        return None
    if layer.kind == "conv":
        return b.put(b.conv(x, layer.channels, kernel, stride, dilation, pads))
    if layer.kind == "depthwise":
        return b.put(b.conv(x, channels, kernel, stride, dilation, pads, groups=channels))
    if layer.kind == "product":
        return b.put(b.conv(x, layer.channels, (1, 1), (1, 1), (1, 1), (0, 0, 0, 0)))
    if layer.kind == "add":
        return b.put(Add((x, other), (b.tensor(*x.shape[1:]),), (), None)) if x.shape == other.shape else None
    if layer.kind == "concat":
        if x.shape[:3] != other.shape[:3]:
            return None
        both = b.tensor(height, width, channels + other.shape[3], like=x)
        return b.put(Concat((x, other), (both,), (), outer=height * width))
    if layer.kind in ("max", "mean"):
        if dilation != (1, 1):
            return None
        return b.pool(MaxPool2d if layer.kind == "max" else AveragePool2d, x, kernel, stride, pads)
    if layer.kind == "pad":
        before, behind = rows[3:]
        sides = [Side(height, 0, 0), Side(width * channels, before * channels, behind * channels)]
        size = (height, width + before + behind)
        if not is_signal:
            sides = [Side(height, before, behind), Side(width * channels, 0, 0)]
            size = (height + before + behind, width)
        return b.put(Pad((x,), (b.tensor(*size, channels, like=x),), (), tuple(sides), int(x.zero_point)))
    if layer.kind == "lookup":
        y = b.tensor(*x.shape[1:])
        return b.put(Lookup((x,), (y,), (), function="relax.sigmoid", alpha=0.0, activation=None))
    return b.nearest(x, (2, 1))


@st.composite
def networks(draw: st.DrawFn, chip: str = "generic", padded: bool = True) -> Network:
    channels = 16 if chip == "esp32s3" else draw(st.sampled_from([3, 4, 8]))
    layers: list[Layer] = []
    for index in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(KINDS[:-1] if index else KINDS[:2]))
        kernel, stride = draw(st.integers(1, 4)), draw(st.sampled_from([1, 1, 1, 2, 3]))
        dilation = 1 if kind in ("max", "mean") else draw(st.sampled_from([1, 1, 2, 4]))
        span = (kernel - 1) * dilation + 1
        most = (span - 1) // 2 if kind == "mean" else span - 1
        pads = [draw(st.integers(0, most)) if padded and draw(st.booleans()) else 0 for _ in range(2)]
        if kind == "pad":
            pads = [draw(st.integers(0, 3)) if padded else 0 for _ in range(2)]
        source = draw(st.sampled_from([index - 1, index - 1, draw(st.integers(-1, index - 1))])) if index else -1
        across = draw(st.sampled_from([(1, 1, 1, 0, 0), (3, 1, 1, 1, 1)]))
        count = draw(st.sampled_from([16, 32] if chip == "esp32s3" else [4, 8, 12]))
        other = draw(st.integers(-1, index - 1)) if index else -1
        layers.append(Layer(kind, source, other, count, (kernel, stride, dilation, *pads), across))
    scheme = draw(st.sampled_from(["affine", "power_of_two"]))
    return Network(
        draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([1, 1, 3])), channels, tuple(layers), chip, scheme,
        draw(st.booleans()),
    )  # fmt: skip


def with_last_only(network: Network) -> Network:
    """The network up to its last layer whose result is read by no other: the others' results would be outputs too."""
    needed, stack = set(), [len(network.layers) - 1]
    while stack:
        index = stack.pop()
        if index < 0 or index in needed:
            continue
        needed.add(index)
        layer = network.layers[index]
        stack += [layer.source, *([min(layer.other, layer.source)] if layer.kind in ("add", "concat") else [])]
    order = sorted(needed)
    number = {-1: -1, **{old: new for new, old in enumerate(order)}}
    layers = [
        replace(
            network.layers[i],
            source=number[network.layers[i].source],
            other=number.get(min(network.layers[i].other, network.layers[i].source), -1),
        )
        for i in order
    ]
    return replace(network, layers=tuple(layers))

# SPDX-License-Identifier: CC0-1.0
"""Networks made by hand from operators, without ONNX or TVM."""

from __future__ import annotations

import numpy as np

from espdl import backends, emit
from espdl import plan as planner
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.concat import Concat
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.lookup import Lookup
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.operator import Operator
from espdl.ops.softmax import Softmax
from espdl.plan.types import Constant, KernelCall, Plan, Port, Tensor
from espdl.targets import select

TARGET = select("generic")


def conv(rng: np.random.Generator, x: Tensor, y: Tensor, size: int, groups: int = 1, node: str = "") -> Conv2d:
    """A convolution that keeps the image's size."""
    channels = y.shape[3]
    pad = size // 2
    return Conv2d(
        inputs=(x,),
        outputs=(y,),
        source_nodes=(node or f"/{y.name}/Conv",),
        weights=rng.integers(-127, 128, (channels, size, size, x.shape[3] // groups)).astype(np.int8),
        weights_scale=rng.uniform(0.004, 0.012, channels),
        bias=rng.integers(-2000, 2000, channels).astype(np.int32),
        strides=(1, 1),
        pads=(pad, pad, pad, pad),
        dilations=(1, 1),
        groups=groups,
        activation=(0.0, 6.0),
    )


def residual_network(seed: int = 0, channels: int = 8) -> Plan:
    """Convolution, depthwise, residual add, both pools, two concatenations in place (along channels, and of vectors),
    reshape as alias, gemm, softmax.

    One input "image" [1, 8, 8, 1]; outputs "scores" [1, 10] and "features" [1, 3 * channels].
    """
    rng = np.random.default_rng(seed)
    t = {
        "image": Tensor("image", (1, 8, 8, 1), "int8", 1 / 255, -128),
        "stem": Tensor("stem", (1, 8, 8, channels), "int8", 0.03, -128),
        "depth": Tensor("depth", (1, 8, 8, channels), "int8", 0.025, -128),
        "sum": Tensor("sum", (1, 8, 8, channels), "int8", 0.04, -3),
        "table": Tensor("table", (1, 8, 8, channels), "int8", 1 / 256, -128),
        "small": Tensor("small", (1, 4, 4, channels), "int8", 1 / 256, -128),
        "means": Tensor("means", (1, 4, 4, channels), "int8", 1 / 256, -128),
        "pair": Tensor("pair", (1, 4, 4, 2 * channels), "int8", 1 / 256, -128),
        "mean": Tensor("mean", (1, 1, 1, 2 * channels), "int8", 1 / 256, -128),
        "most": Tensor("most", (1, 1, 1, channels), "int8", 1 / 256, -128),
        "both": Tensor("both", (1, 1, 1, 3 * channels), "int8", 1 / 256, -128),
        "flat": Tensor("flat", (3 * channels,), "int8", 1 / 256, -128, alias_of="both"),
        "logits": Tensor("logits", (1, 10), "int8", 0.05, 4),
        "scores": Tensor("scores", (1, 10), "int8", 1 / 256, -128),
    }
    nodes: list[Operator] = [
        conv(rng, t["image"], t["stem"], 3),
        conv(rng, t["stem"], t["depth"], 3, groups=channels),
        Add((t["stem"], t["depth"]), (t["sum"],), ("/add/Add",), activation=None),
        Lookup((t["sum"],), (t["table"],), ("/act/Sigmoid",), function="relax.sigmoid", alpha=0.0, activation=None),
        MaxPool2d((t["table"],), (t["small"],), ("/pool",), (2, 2), (2, 2), (0, 0, 0, 0), (1, 1), None),
        _mean(t["table"], t["means"], 2),
        Concat((t["small"], t["means"]), (t["pair"],), ("/channels/Concat",), outer=16),
        _mean(t["pair"], t["mean"], 4),
        MaxPool2d((t["small"],), (t["most"],), ("/most",), (4, 4), (4, 4), (0, 0, 0, 0), (1, 1), None),
        Concat((t["mean"], t["most"]), (t["both"],), ("/vectors/Concat",), outer=1),
        Gemm(
            (t["flat"],),
            (t["logits"],),
            ("/fc/Gemm",),
            weights=rng.integers(-127, 128, (10, 3 * channels)).astype(np.int8),
            weights_scale=rng.uniform(0.01, 0.05, 10),
            bias=rng.integers(-500, 500, 10).astype(np.int32),
            activation=None,
        ),
        Softmax((t["logits"],), (t["scores"],), ("/softmax",), length=10),
    ]
    calls = [backends.lower(node, TARGET) for node in nodes]
    outputs = [Port("scores", "scores"), Port("features", "both")]
    return planner.run(calls, t.values(), [Port("image", "image", "NHWC")], outputs, TARGET.chip, TARGET.scheme)


def _mean(x: Tensor, y: Tensor, size: int) -> AveragePool2d:
    return AveragePool2d(
        inputs=(x,),
        outputs=(y,),
        source_nodes=(f"/{y.name}/Pool",),
        image=x.shape[1:],
        output_size=y.shape[1:3],
        kernel=(size, size),
        strides=(size, size),
        pads=(0, 0, 0, 0),
        dilations=(1, 1),
        count_include_pad=False,
        activation=None,
    )


SCRATCH_SOURCE = """\
static void copy_through_scratch(const int8_t *x, int8_t *y, uint8_t *scratch)
{
    for (int i = 0; i < 48; i++) {
        scratch[i] = (uint8_t)x[i];
    }
    for (int i = 0; i < 48; i++) {
        y[i] = (int8_t)scratch[i];
    }
}
"""


def scratch_network() -> Plan:
    """A generated function that takes no parameters but scratch: "x" [1, 48] to "y" [1, 48], unchanged."""
    x, y = (Tensor(name, (1, 48), "int8", 0.5, 0) for name in "xy")
    call = KernelCall(
        operator="lookup",
        function="copy_through_scratch",
        params=None,
        inputs=("x",),
        outputs=("y",),
        constants=(Constant("table", np.arange(-128, 128).astype(np.int8)),),
        packing="nothing",
        scratch_bytes=48,
    )
    functions = {"copy_through_scratch": SCRATCH_SOURCE}
    return planner.run([call], [x, y], [Port("x", "x")], [Port("y", "y")], "generic", "affine", functions)


def packings() -> dict:
    return {**backends.packings(), "nothing": lambda call: []}


def render(plan: Plan, name: str = "net", **options: object) -> emit.Files:
    chosen = emit.CodeOptions(**{"layers": True, **options})
    return emit.render(plan, name, packings=packings(), identity="0123456789abcdef", options=chosen)


def samples(plan: Plan, count: int, seed: int = 1) -> dict[str, np.ndarray]:
    """`count` random int8 inputs, the first two of them all extremes."""
    rng = np.random.default_rng(seed)
    result = {}
    for port in plan.inputs:
        data = rng.integers(-128, 128, (count, *plan.tensor(port.tensor).shape)).astype(np.int8)
        data[:1], data[1:2] = -128, 127
        result[port.name] = data
    return result

# SPDX-License-Identifier: CC0-1.0
"""Channels made whole vectors: the network's bytes stay, and only what gains by it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_models
from hypothesis import given, settings
from hypothesis import strategies as st
from test_convolution import contents, make, seeds
from usual_networks import NETWORKS
from vector_harness import AFFINE, TARGET, check, examples

from espdl import pipeline
from espdl.backends import estimate_for_vectors
from espdl.errors import UsageError
from espdl.graph.types import OperatorGraph
from espdl.graph.whole_vectors import with_whole_vectors
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.gemm import Gemm
from espdl.ops.lookup import Lookup
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.mul import Mul
from espdl.ops.operator import Operator
from espdl.plan.types import Plan, Port, Tensor
from espdl.targets import Target
from espdl.verify import reference

ONE = (1, 1, 1, 1)
SCALE = 0.0625
EXP_OF_0 = 16


def tensor(name: str, *shape: int, zero: int = 0) -> Tensor:
    return Tensor(name, shape, "int8", SCALE, zero)


def convolution(seed: int, x: Tensor, name: str, channels: int, size: int, depthwise: bool = False, **more) -> Conv2d:
    pads = (size // 2,) * 4
    node = make(seed, x.shape[1:], channels, (size, size), pads=pads, depthwise=depthwise, largest=8, **more)
    y = tensor(name, *node.outputs[0].shape)
    scale = np.full(channels, 2.0**-8, np.float32)
    return replace(node, inputs=(x,), outputs=(y,), weights_scale=scale)


def mean_of(x: Tensor, name: str) -> AveragePool2d:
    whole = (x.shape[1:3], (1, 1), (0, 0, 0, 0), (1, 1))
    y = tensor(name, 1, 1, 1, x.shape[3])
    return AveragePool2d((x,), (y,), (), x.shape[1:], (1, 1), *whole, False, None)


def gated(x: Tensor) -> list[Operator]:
    """A table of 1 for 0, times the means: what comes on top is something in between."""
    table, y = replace(x, name="table"), replace(x, name="gated", zero_point=0)
    gate = mean_of(x, "gate")
    factors = (table, *gate.outputs)
    return [
        Lookup((x,), (table,), (), "relax.exp", 0.0, None),
        gate,
        Mul(factors, (y,), (), *factors, None, False, None),
    ]


def doubled(seed: int, x: Tensor) -> ConvTranspose2d:
    """A transposed convolution, as many channels."""
    channels = x.shape[3]
    weights, scale = contents(seed, (channels, 2, 2, channels), -8, 8), np.full(channels, 2.0**-6, np.float32)
    y = tensor("up", 1, 2 * x.shape[1], 2 * x.shape[2], channels)
    bias = np.zeros(channels, np.int32)
    return ConvTranspose2d((x,), (y,), (), weights, scale, bias, (2, 2), (0, 0), (1, 1), None)


def network(draw: st.DrawFn, seed: int) -> OperatorGraph:
    """Layers of any channels, with a sum, a gate, pools, a product behind what is flattened; some are outputs too."""
    channels = [draw(st.integers(1, 40)) for _ in range(3)]
    x = tensor("x", 1, 6, 6, draw(st.sampled_from([3, 16, 20])))
    operators: list[Operator] = [convolution(seed, x, "a", channels[0], 3)]
    (a,) = operators[-1].outputs
    operators.append(convolution(seed + 1, a, "b", channels[0], 3, depthwise=channels[0] > 1))
    (b,) = operators[-1].outputs
    operators.append(Add((a, b), (tensor("sum", *a.shape),), (), draw(st.sampled_from([None, (0.0, float("inf"))]))))
    operators += gated(operators[-1].outputs[0])
    operators.append(convolution(seed + 3, operators[-1].outputs[0], "c", channels[1], 1, output_zero_point=0))
    (c,) = operators[-1].outputs
    operators.append(doubled(seed + 5, c))
    window = ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1))
    operators.append(MaxPool2d(operators[-1].outputs, (tensor("max", 1, 6, 6, channels[1]),), (), *window, None))
    operators.append(mean_of(operators[-1].outputs[0], "mean"))
    (mean,) = operators[-1].outputs
    flat = replace(mean, name="flat", shape=(1, channels[1]), alias_of="mean")
    weights = contents(seed + 4, (channels[2], channels[1]), -8, 8)
    scale, bias = np.full(channels[2], 2.0**-6, np.float32), np.arange(channels[2], dtype=np.int32)
    operators.append(Gemm((flat,), (tensor("y", 1, channels[2]),), (), weights, scale, bias, None))
    seen = ["y", *draw(st.sets(st.sampled_from(["a", "sum", "table", "c", "max"]), max_size=1))]
    ports = tuple(Port(name, name) for name in seen)
    return OperatorGraph(tuple(operators), (flat,), (Port("x", "x"),), ports, (x,))


def run(plan: Plan, values: np.ndarray) -> dict[str, np.ndarray]:
    return reference.run(plan, {"x": values})


@pytest.mark.parametrize("target", [TARGET, AFFINE], ids=lambda t: t.scheme)
@given(st.data(), seeds)
@settings(examples, max_examples=15)
def test_values_stay_and_what_comes_on_top_is_nothing(target: Target, data: st.DataObject, seed: int) -> None:
    graph = network(data.draw, seed % 2**31)
    wide = with_whole_vectors(graph, 16, estimate_for_vectors(target))
    values = contents(seed, graph.parameters[0].shape)
    plain = run(pipeline.make_plan(graph, target), values)
    plan = pipeline.make_plan(wide, target)
    found = run(plan, values)
    ports = {port.tensor for port in (*graph.inputs, *graph.outputs)}
    for name, before in plain.items():
        assert found[name].shape == before.shape or (name not in ports and found[name].shape[-1] % 16 == 0)
        np.testing.assert_array_equal(found[name][..., : before.shape[-1]], before, err_msg=name)
        on_top = found[name][..., before.shape[-1] :]
        assert (on_top == (EXP_OF_0 if name == "table" else plan.tensor(name).zero_point)).all()
    for call in plan.calls:
        if call.backend == "esp32s3":
            check(call, *[found[name] for name in call.inputs])


def chain(channels: int, size: int) -> OperatorGraph:
    x = tensor("x", 1, size, size, 16)
    first = convolution(1, x, "a", channels, 3)
    second = convolution(2, first.outputs[0], "y", 16, 3)
    return OperatorGraph((first, second), (), (Port("x", "x"),), (Port("y", "y"),), (x,))


@pytest.mark.parametrize("target", [TARGET, AFFINE], ids=lambda t: t.scheme)
def test_channels_grow_where_that_saves_instructions_and_no_layer_outgrows_the_largest(target: Target) -> None:
    def channels(graph: OperatorGraph) -> int:
        return with_whole_vectors(graph, 16, estimate_for_vectors(target)).operators[0].outputs[0].shape[3]

    assert channels(chain(60, 6)) == 60  # the largest layer would grow
    assert channels(chain(4, 6)) == 4  # four channels are a narrow row
    x = tensor("x", 1, 12, 12, 64)
    large = convolution(3, x, "b", 16, 1)
    graph = chain(30, 6)
    graph = replace(graph, operators=(large, *graph.operators), parameters=(x, *graph.parameters))
    assert channels(replace(graph, operators=(*graph.operators[1:], large))) == 32


@pytest.mark.parametrize("room, found", [(10_000, (32, 48)), (36 * 4, (30, 48)), (100, (30, 44))])
def test_less_grows_where_all_has_no_room(room: int, found: tuple[int, int]) -> None:
    """Of two tensors that gain by it, the one that takes fewer bytes for it."""
    x = tensor("x", 1, 12, 12, 64)
    first = convolution(4, x, "w", 48, 1)
    large = convolution(1, first.outputs[0], "a", 30, 1)
    small = convolution(2, large.outputs[0], "b", 44, 3, strides=(2, 2))
    last = convolution(3, small.outputs[0], "y", 16, 3)
    graph = OperatorGraph((first, large, small, last), (), (Port("x", "x"),), (Port("y", "y"),), (x,))

    def fits(wide: OperatorGraph) -> bool:
        return sum(o.outputs[0].nbytes - g.outputs[0].nbytes for o, g in zip(wide.operators, graph.operators)) <= room

    wide = with_whole_vectors(graph, 16, estimate_for_vectors(TARGET), fits)
    assert tuple(o.outputs[0].shape[3] for o in wide.operators[1:3]) == found


@pytest.mark.parametrize("target", [TARGET, AFFINE], ids=lambda t: t.scheme)
@given(st.data(), seeds)
@settings(examples, max_examples=10)
def test_where_memory_is_short_channels_stay(target: Target, data: st.DataObject, seed: int) -> None:
    """The smallest arena is that of either; where only one of them has room, it is taken."""
    graph = network(data.draw, seed % 2**31)
    wide = with_whole_vectors(graph, 16, estimate_for_vectors(target))
    known = [pipeline.make_plan(one, target, "smallest").arena_bytes for one in (wide, graph)]

    def arena(stripes: str) -> int:
        return pipeline.make_plan(wide, target, stripes, narrow=graph).arena_bytes

    assert arena("smallest") == min(known)
    assert arena(str(min(known))) <= min(known)
    assert arena(str(known[0])) == pipeline.make_plan(wide, target, str(known[0])).arena_bytes
    with pytest.raises(UsageError, match=f"smallest arena of this network has {min(known)} bytes"):
        arena(str(min(known) - 1))


def test_memory_that_only_fewer_channels_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest arena of a network that is stored as it is, is one of those that MEMORY can ask for."""
    model = NETWORKS["mobilenet_v2"]()
    values = {"image": np.random.default_rng(5).standard_normal([8, 3, 24, 24]).astype(np.float32)}

    def arena(memory: str) -> int:
        options = {"chip": "esp32s3", "memory": memory, "input_layout": "nhwc", "effort": "fast"}
        return small_models.compiled(model, values, tmp_path, **options).plan.arena_bytes

    found = arena("smallest")
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "MOST_BYTES", 0)
        narrow = arena("smallest")
    assert found <= narrow and arena(str(narrow)) <= narrow


def test_other_targets_keep_their_channels() -> None:
    assert estimate_for_vectors(replace(TARGET, backends=("portable",))) is None
    assert estimate_for_vectors(replace(AFFINE, optimize="size")) is None

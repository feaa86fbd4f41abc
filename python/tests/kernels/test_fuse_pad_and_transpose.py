# SPDX-License-Identifier: CC0-1.0
"""Moves that the operator behind them does itself: the same bytes, in C and in the references, with a copy less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, contents, targets
from test_conv2d import convolution, convolutions
from test_pool2d import windows

from espdl.backends import lower, select
from espdl.graph import fuse_pad_and_transpose
from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.operator import Operator
from espdl.ops.pad import Pad, Side
from espdl.ops.transpose import Transpose
from espdl.plan.types import Port, Tensor


def graph_of(*operators: Operator, outputs: tuple[str, ...] = ()) -> OperatorGraph:
    names = outputs or (operators[-1].outputs[0].name,)
    ports = tuple(Port(name, name) for name in names)
    return OperatorGraph(operators, (), (Port("in", operators[0].inputs[0].name),), ports, operators[0].inputs)


def absorbed(graph: OperatorGraph, target=TARGETS[0]) -> list[Operator]:
    options = GraphOptions(lambda node: select(node, target).declined or None)
    return list(fuse_pad_and_transpose.apply(graph, options).operators)


def padded(x: Tensor, inner: tuple[int, ...], top: int, left: int, value: int) -> Pad:
    """A border around `inner` (1, H, W, C), in front of what reads `x`; sides joined as from_match() does."""
    _, height, width, channels = x.shape
    rows = Side(inner[1], top, height - top - inner[1])
    columns = Side(inner[2] * channels, left * channels, (width - left - inner[2]) * channels)
    if columns.before == columns.after == 0:
        rows = Side(*(size * columns.size for size in (rows.size, rows.before, rows.after)))
    sides = (rows, columns) if columns.before or columns.after else (rows,)
    return Pad((Tensor("small", inner, "int8"),), (x,), ("pad",), sides, value)


def run(operators: list[Operator], target, values: np.ndarray) -> np.ndarray:
    """The result of a chain, each operator in C and in its reference."""
    for node in operators:
        (values,) = check(lower(node, target), values)
        values = values.reshape(node.outputs[0].shape)
    return values


def draw_border(data: st.DataObject, x: Tensor) -> tuple[tuple[int, ...], int, int]:
    """The shape of what lies inside a border of `x`, and where."""
    height, width = (data.draw(st.integers(1, size)) for size in x.shape[1:3])
    top, left = (data.draw(st.integers(0, size - inner)) for size, inner in zip(x.shape[1:3], (height, width)))
    return (1, height, width, x.shape[3]), top, left


@runs("espdl_conv2d_3x8_s8", "espdl_conv2d_s8", "espdl_pad_s8")
@given(st.data())
@examples
def test_convolution_pads(data: st.DataObject) -> None:
    target = data.draw(targets)
    conv = data.draw(convolutions(target, dense=True))
    (x,) = conv.inputs
    inner, top, left = draw_border(data, x)
    pad = padded(x, inner, top, left, x.zero_point)
    assume(inner != x.shape and select(conv, target).call is not None)
    found = absorbed(graph_of(pad, conv), target)
    assert [o.name for o in found] == ["conv2d"] and found[0].source_nodes == ("pad", "conv")
    values = data.draw(contents(inner))
    np.testing.assert_array_equal(run(found, target, values), run([pad, conv], target, values))


@runs("espdl_average_pool2d_s8", "espdl_max_pool2d_s8", "espdl_pad_s8")
@given(st.data(), windows(), st.sampled_from(["max", "average"]))
@examples
def test_pool_pads(data: st.DataObject, w: dict, kind: str) -> None:
    x = Tensor("x", (1, *w["image"]), "int8", 0.5, -128 if kind == "max" else data.draw(st.integers(-128, 127)))
    y = Tensor("y", (1, *w["output"], w["image"][2]), "int8", 0.5, x.zero_point)
    window = {**w["window"], "pads": (0, 0, 0, 0)} if kind == "average" else w["window"]
    if kind == "average":
        size = [
            (w["image"][i] - (window["kernel"][i] - 1) * window["dilations"][i] - 1) // window["strides"][i] + 1
            for i in range(2)
        ]
        assume(min(size) >= 1)
        y = replace(y, shape=(1, *size, w["image"][2]))
        pool = AveragePool2d(
            (x,), (y,), ("pool",), x.shape[1:], y.shape[1:3], count_include_pad=False, activation=None, **window
        )
    else:
        pool = MaxPool2d((x,), (y,), ("pool",), activation=None, **window)
    inner, top, left = draw_border(data, x)
    assume(inner != x.shape and select(pool, TARGETS[0]).call is not None)
    pad = padded(x, inner, top, left, x.zero_point)
    found = absorbed(graph_of(pad, pool))
    # The kernel declines a mean over nothing but border, which stays the mean of a padded tensor.
    assume(kind == "max" or len(found) == 1)
    assert [o.name for o in found] == [pool.name]
    values = data.draw(contents(inner))
    np.testing.assert_array_equal(run(found, TARGETS[0], values), run([pad, pool], TARGETS[0], values))


def permuted(x: tuple[int, ...]) -> Transpose:
    """[1, C, H, W] to the input "x" of `convolution`, of the dimensions `x`."""
    height, width, channels = x
    planes = Tensor("planes", (1, channels, height, width), "int8")
    return Transpose((planes,), (Tensor("x", (1, *x), "int8"),), ("permute",), (0, 2, 3, 1))


def test_border_and_permutation_at_once() -> None:
    random = np.random.default_rng(1)
    conv = convolution(
        (6, 7, 3), (6, 7, 8), random.integers(-127, 128, (8, 3, 3, 3)).astype(np.int8), pads=(1, 1, 1, 1)
    )
    small, planes = (Tensor(name, (1, 3, 5, 4), "int8") for name in ("small", "planes"))
    planes = replace(planes, shape=(1, 3, 6, 7))
    pad = Pad((small,), (planes,), (), (Side(3, 0, 0), Side(5, 0, 1), Side(4, 1, 2)), 0)
    chain = [pad, permuted((6, 7, 3)), conv]
    (found,) = absorbed(graph_of(*chain))
    assert isinstance(found, Conv2dPlanar) and found.conv.pads == (1, 2, 2, 3)
    values = random.integers(-128, 128, small.shape).astype(np.int8)
    np.testing.assert_array_equal(run([found], TARGETS[0], values), run(chain, TARGETS[0], values))


def test_what_something_else_sees_stays() -> None:
    conv = convolution((6, 6, 3), (4, 4, 8), np.ones((8, 3, 3, 3), np.int8))
    permute = permuted((6, 6, 3))
    other = convolution(
        (6, 6, 3), (4, 4, 8), np.ones((8, 3, 3, 3), np.int8), outputs=(Tensor("z", (1, 4, 4, 8), "int8", 0.5),)
    )
    assert len(absorbed(graph_of(permute, conv))) == 1
    assert len(absorbed(graph_of(permute, conv, other))) == 3
    assert len(absorbed(graph_of(permute, conv, outputs=("x", "y")))) == 2


def test_borders_that_are_no_padding_stay() -> None:
    """Another value than the zero point, which is 0 here; a border of channels; a pool that ignores its border."""
    conv = convolution((6, 6, 3), (4, 4, 8), np.ones((8, 3, 3, 3), np.int8))
    pad = padded(conv.inputs[0], (1, 5, 5, 3), 0, 1, 0)
    assert len(absorbed(graph_of(pad, conv))) == 1
    assert len(absorbed(graph_of(replace(pad, value=1), conv))) == 2
    channels = Pad((Tensor("small", (1, 6, 6, 2), "int8"),), conv.inputs, (), (Side(36, 0, 0), Side(2, 0, 1)), 0)
    assert len(absorbed(graph_of(channels, conv))) == 2
    y = Tensor("y", (1, 3, 3, 3), "int8", 0.5)
    pool = MaxPool2d(conv.inputs, (y,), (), (2, 2), (2, 2), (0, 0, 0, 0), (1, 1), None)
    assert len(absorbed(graph_of(pad, pool))) == 2
    assert len(absorbed(graph_of(replace(pad, value=-128), pool))) == 1


def test_a_pad_joins_a_border_of_the_same_integers_only() -> None:
    conv = convolution((6, 6, 3), (6, 6, 8), np.ones((8, 3, 3, 3), np.int8), pads=(1, 1, 1, 1))
    pad = padded(conv.inputs[0], (1, 5, 5, 3), 0, 1, 0)
    options = GraphOptions(lambda node: None)
    for border, value, left in ((None, 0, 1), ([5, 5, 5], 0, 2), ([5, 5, 5], 5, 1), ([5, 6, 5], 5, 2)):
        other = conv if border is None else replace(conv, border=np.array(border, np.int8))
        graph = graph_of(replace(pad, value=value), other)
        assert len(fuse_pad_and_transpose.apply(graph, options).operators) == left


def test_other_kernels_keep_the_permutation() -> None:
    """A product of matrices reads channels last; so does the one kernel that is left where size matters."""
    point = convolution((6, 6, 3), (6, 6, 8), np.ones((8, 1, 1, 3), np.int8))
    assert [o.name for o in absorbed(graph_of(permuted((6, 6, 3)), point))] == ["transpose", "conv2d"]
    conv = convolution((6, 6, 3), (4, 4, 8), np.ones((8, 3, 3, 3), np.int8))
    small = replace(TARGETS[0], optimize="size")
    assert [o.name for o in absorbed(graph_of(permuted((6, 6, 3)), conv), small)] == ["transpose", "conv2d"]
    assert isinstance(conv, Conv2d)

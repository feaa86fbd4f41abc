# SPDX-License-Identifier: CC0-1.0
"""Where scales end: layers of parts, and changes of scale at slices and before concatenations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from small_models import by_onnxruntime, constant, conv, dense, ints, join, model, node, normal, outcome, peer

from espdl.frontend.names import name_nodes
from espdl.quantize import biases, layer_parts, scale_ends
from espdl.quantize.graph import Graph
from espdl.quantize.network import Network
from espdl.quantize.placement import place
from espdl.quantize.ranges import observe
from espdl.quantize.types import Settings

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "20"))
NARROW = 0.02
DATA = {"x": normal(16, 3, 6, 6)}


def part(source: str, name: str, start: int, stop: int, axis: int = 1):
    bounds = [f"{name}_{k}" for k in ("from", "to", "axis")]
    return [node("Slice", [source, *bounds], [name])], [
        ints(n, v) for n, v in zip(bounds, (start, stop, axis), strict=True)
    ]


def body():
    return join(conv("x", "c", 3, 6, [1, 1]), node("Relu", ["c"], ["r"]))


def widened(constants: Sequence[onnx.TensorProto], layer: str, widths: Sequence[float]) -> None:
    """Gives each output channel of a convolution or Gemm a range of its own."""
    for tensor in constants:
        if tensor.name in (f"{layer}_weights", f"{layer}_bias"):
            values = numpy_helper.to_array(tensor)
            by_channel = np.float32(widths).reshape(-1, *[1] * (values.ndim - 1))
            tensor.CopyFrom(constant(tensor.name, values * by_channel))


def finished(parts: Sequence, outputs: Sequence[str], layer: str = "h", widths: Sequence[float] = ()):
    nodes, constants = join(*parts)
    widened(constants, layer, widths or [1.0])
    ports = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", 1, [1, 3, 6, 6])], ports, list(constants)
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    shapes = {v.name: v for v in onnx.shape_inference.infer_shapes(proto).graph.output}
    return model(
        nodes,
        [("x", [1, 3, 6, 6])],
        [(n, [d.dim_value for d in shapes[n].type.tensor_type.shape.dim]) for n in outputs],
        constants,
    )


def network(proto: onnx.ModelProto) -> Network:
    named = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    name_nodes(named)
    simple = biases.complete(named)
    return Network.of(
        simple, observe(simple, place(Graph(simple)).quantized, [{"x": x[np.newaxis]} for x in DATA["x"]])
    )


def same_results(one: onnx.ModelProto, other: onnx.ModelProto) -> None:
    exact, same = (by_onnxruntime(proto, DATA) for proto in (one, other))
    assert list(exact) == list(same)
    for name, values in exact.items():
        np.testing.assert_allclose(same[name], values, rtol=1e-4, atol=1e-5)


BETWEEN = {
    "Relu": lambda a, b: node("Relu", [a], [b]),
    "SiLU": lambda a, b: ([node("Sigmoid", [a], [f"{b}s"]), node("Mul", [a, f"{b}s"], [b])], []),
    "channels": lambda a, b: ([node("Mul", [a, f"{b}k"], [b])], [constant(f"{b}k", normal(12, 1, 1, seed=4))]),
    "number": lambda a, b: ([node("Add", [f"{b}k", a], [b])], [constant(f"{b}k", np.float32(0.1))]),
    "MaxPool": lambda a, b: node("MaxPool", [a], [b], kernel_shape=[2, 2], strides=[1, 1], pads=[0, 0, 1, 1]),
    "whole": lambda a, b: part(a, b, 0, 99),
    "rows": lambda a, b: ([node("Pad", [a, f"{b}p"], [f"{b}w"]), *part(f"{b}w", b, 0, 6, 2)[0]],
                          [ints(f"{b}p", 0, 0, 0, 0, 0, 0, 1, 0), *part("", b, 0, 6, 2)[1]]),
}  # fmt: skip
# From [1, 12, 6, 6] to a shape in which some axis holds channels, and that axis.
VIEWS = {
    "as it is": (lambda a: ([], [], a), 1),
    "last": (lambda a: ([node("Transpose", [a], ["view"], perm=[0, 2, 3, 1])], [], "view"), 3),
    "flat": (lambda a: ([node("Reshape", [a, "to"], ["view"])], [ints("to", 1, 12, 36)], "view"), 1),
    "anchors": (lambda a: ([node("Reshape", [a, "to"], ["v"]),
                            node("Transpose", ["v"], ["view"], perm=[0, 1, 3, 4, 2])],
                           [ints("to", 1, 3, 4, 6, 6)], "view"), 4),
    "outer": (lambda a: ([node("Reshape", [a, "to"], ["view"])], [ints("to", 4, 3, 6, 6)], "view"), 0),
}  # fmt: skip


@st.composite
def heads(draw: st.DrawFn) -> tuple[onnx.ModelProto, int]:
    """A convolution, what may lie behind it, and its channels in parts of very different range; the number of parts."""
    view, axis = VIEWS[draw(st.sampled_from(sorted(VIEWS)))]
    size = {1: 12, 3: 12, 4: 4, 0: 4}[axis]
    order = draw(st.permutations(range(size)))
    cuts = sorted({0, size, *draw(st.lists(st.integers(1, size - 1), min_size=1, max_size=3))})
    groups = [order[a:b] for a, b in zip(cuts, cuts[1:])] if draw(st.booleans()) else None
    parts = [body(), conv("r", "h", 6, 12, [1, 1], seed=12)]
    name = "h"
    for kind in draw(st.lists(st.sampled_from(sorted(BETWEEN)), max_size=2)):
        parts.append(BETWEEN[kind](name, f"{name}n"))
        name += "n"
    nodes, constants, name = view(name)
    parts.append((nodes, constants))
    outputs, narrow = [], set()
    for number, (start, stop) in enumerate(zip(cuts, cuts[1:])):
        outputs.append(f"y{number}")
        if groups is None:
            parts.append(part(name, outputs[-1], start, stop, axis))
            taken = list(range(start, stop))
        else:
            taken = list(groups[number])
            single = len(taken) == 1 and draw(st.booleans())
            indices = constant(f"i{number}", taken[0] if single else taken, np.int64)
            parts.append(([node("Gather", [name, f"i{number}"], [outputs[-1]], axis=axis)], [indices]))
        narrow |= set(taken) if number == 0 else set()
    widths = np.array([NARROW if i in narrow else 5.0 for i in range(size)])
    widths = {1: widths, 3: widths, 4: np.tile(widths, 3), 0: np.repeat(widths, 3)}[axis]
    return finished(parts, outputs, widths=widths.tolist()), len(outputs)


@settings(max_examples=EXAMPLES, deadline=None)
@given(heads())
def test_layers_of_parts_compute_what_the_layer_did(case: tuple[onnx.ModelProto, int]) -> None:
    """Through activations, pools, reshapes, permutations, by slices and by indices; nothing is computed twice."""
    proto, count = case
    net = network(proto)
    found = layer_parts.split(net, Settings())
    if found is None:  # the parts turned out to reach equally far
        return
    made, _ = found
    onnx.checker.check_model(made, full_check=True)
    same_results(net.graph.proto, made)
    kinds = [n.op_type for n in made.graph.node]
    assert kinds.count("Conv") == 1 + count
    weights = [t for t in made.graph.initializer if t.dims and len(t.dims) == 4 and "weights" in t.name]
    assert sum(t.dims[0] for t in weights) == 6 + 12
    cut = scale_ends.apply(network(made), Settings())[0]
    same_results(made, cut.graph.proto)


def test_parts_of_equal_range_stay_one_layer() -> None:
    parts = [body(), conv("r", "h", 6, 8, [1, 1], seed=12), part("h", "a", 0, 4), part("h", "b", 4, 8)]
    net = network(finished(parts, ["a", "b"], widths=[1.0] * 4 + [1.5] * 4))
    assert layer_parts.split(net, Settings()) is None
    assert not scale_ends.apply(net, Settings())[1]


@pytest.mark.parametrize(
    "extra", ["another reader", "an output", "both read a channel", "groups", "along another axis"]
)
def test_layers_that_must_stay_one(extra: str) -> None:
    more = {"groups": {"group": 2}}.get(extra, {})
    parts = [body(), conv("r", "h", 6, 8, [1, 1], seed=12, **more)]
    parts += [part("h", "a", 0, 5 if extra == "both read a channel" else 4), part("h", "b", 4, 8)]
    outputs = ["a", "b"]
    if extra == "another reader":
        parts.append(node("GlobalAveragePool", ["h"], ["z"]))
        outputs.append("z")
    if extra == "an output":
        outputs.append("h")
    if extra == "along another axis":
        parts.append(part("h", "d", 0, 3, 2))
        outputs.append("d")
    net = network(finished(parts, outputs, widths=[NARROW] * 4 + [5.0] * 4))
    assert layer_parts.split(net, Settings()) is None


def changes(proto: onnx.ModelProto) -> list[str]:
    """The tensors behind the changes of scale; the meaning stays."""
    net = network(proto)
    cut, some = scale_ends.apply(net, Settings())
    same_results(net.graph.proto, cut.graph.proto)
    casts = [n.input[0] for n in cut.graph.nodes if n.op_type == "Cast"]
    assert bool(casts) == some
    return casts


def test_a_scale_ends_only_where_it_serves() -> None:
    """A narrow part that only goes into a wider tensor, or only repeats it, needs no scale of its own."""
    joined = [body(), conv("r", "h", 6, 4, [1, 1], seed=12), conv("r", "k", 6, 4, [1, 1], seed=14)]
    joined.append(node("Concat", ["h", "k"], ["m"], axis=1))
    narrow = [NARROW] * 4
    assert changes(finished(joined, ["m"], widths=narrow)) == []
    read = [*joined, conv("h", "z", 4, 4, [1, 1], seed=33)]
    assert changes(finished(read, ["m", "z"], widths=narrow)) == ["h"]
    assert changes(finished(joined, ["m", "h"], widths=narrow)) == ["h"]
    sliced = [body(), conv("r", "h", 6, 8, [1, 1], seed=12), part("h", "a", 0, 4), part("a", "b", 0, 2)]
    sliced.append(node("GlobalAveragePool", ["h"], ["z"]))
    assert changes(finished(sliced, ["b", "z"], widths=[NARROW] * 4 + [5.0] * 4)) == []
    beside = [*sliced, node("Sigmoid", ["z"], ["s"]), part("s", "t", 0, 2), conv("a", "d", 4, 2, [1, 1], seed=33)]
    beside.append(node("Concat", ["b", "d"], ["e"], axis=1))
    assert changes(finished(beside, ["e", "t"], widths=[NARROW] * 4 + [5.0] * 4)) == ["a_rescaled"]


def head(split: bool):
    """Positions, sizes and scores of a detector: from one convolution, or from one each."""
    widths = {"xy": (1.0, 1.0), "size": (0.1, 0.1), "rest": (8.0, 8.0, 8.0)}
    bounds = {"xy": (0, 2), "size": (2, 4), "rest": (4, 7)}
    parts = [body()]
    whole, held = conv("r", "h", 6, 7, [1, 1], seed=12)
    widened(held, "h", [w for n in widths.values() for w in n])
    arrays = {c.name: numpy_helper.to_array(c) for c in held}
    if not split:
        parts += [(whole, held), *(part("h", n, *b) for n, b in bounds.items())]
    else:
        for n, (a, b) in bounds.items():
            rows = [constant(f"{n}_{k}", arrays[f"h_{k}"][a:b]) for k in ("weights", "bias")]
            parts.append(([node("Conv", ["r", f"{n}_weights", f"{n}_bias"], [n], kernel_shape=[1, 1])], rows))
    parts += [node("Sigmoid", ["xy"], ["a"]), node("Sigmoid", ["rest"], ["b"])]
    parts += [node("Concat", ["a", "size", "b"], ["y"], axis=1), node("Mul", ["size", "ten"], ["z"])]
    parts.append(([], [constant("ten", np.float32(10))]))
    return finished(parts, ["y", "z"], layer="none")


@pytest.mark.parametrize(("options", "below"), [({}, 1.5), ({"chip": "esp32s3"}, 6), ({"precision": "int16x8"}, -5)])
def test_a_head_is_as_exact_as_a_convolution_for_each_part(options: dict, below: float, tmp_path: Path) -> None:
    data = {"x": normal(48, 3, 6, 6)}
    assert outcome(head(False), data, tmp_path, **options).sqnr >= peer(head(True), data) - below


def test_states_in_one_tensor_keep_their_ranges(tmp_path: Path) -> None:
    """h and c of a recurrent network, by hand: c reaches 20 times as far, and h leaves alone too."""
    nodes, constants = join(
        dense("x", "hidden", 8, 8),
        node("Tanh", ["hidden"], ["h0"]),
        dense("x", "gate", 8, 8, seed=11),
        node("Sigmoid", ["gate"], ["g"]),
        node("Mul", ["h0", "g"], ["h"]),
        dense("x", "c", 8, 8, seed=15),
        node("Concat", ["h", "c"], ["next"], axis=1),
    )
    widened(constants, "c", [20.0])
    proto = model(nodes, [("x", [1, 8])], [("h", [1, 8]), ("next", [1, 16])], constants)
    data = {"x": normal(64, 8)}
    for number, (options, least) in enumerate([({}, 33), ({"chip": "esp32s3"}, 28), ({"precision": "int16x8"}, 40)]):
        assert outcome(proto, data, tmp_path / str(number), **options).sqnr >= least


@pytest.mark.parametrize("options", [{}, {"chip": "esp32s3"}, {"precision": "int16x8"}], ids=["affine", "s3", "int16"])
def test_what_is_picked_from_a_tensor_compares_with_it(options: dict, tmp_path: Path) -> None:
    """The k-th largest of scores says which of them count: in another scale it may be larger than itself."""
    parts = [
        node("TopK", ["x", "k"], ["best", "places"], axis=-1),
        part("best", "least", 1, 2, axis=2),
        node("GreaterOrEqual", ["x", "least"], ["is_best"]),
        node("Where", ["is_best", "x", "zero"], ["kept"]),
    ]
    nodes, constants = join(*parts)
    constants += [ints("k", 2), constant("zero", 0.0)]
    proto = model(nodes, [("x", [1, 3, 5])], [("kept", [1, 3, 5])], constants)
    # Far below the largest lies what makes the scale of all wider than that of the best two.
    values = np.tile(np.float32([-40.0, -30.0, -20.0, 1.0, 3.0]), (24, 3, 1)) + normal(24, 3, 5, scale=0.3)
    made = outcome(proto, {"x": values}, tmp_path, **options)
    scales = {t.scale for t in made.compilation.plan.tensors if t.name in ("x", "best", "least")}
    assert len(scales) <= 1
    assert made.sqnr >= 20.0

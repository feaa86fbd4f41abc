# SPDX-License-Identifier: CC0-1.0
"""Whatever stands before the first layer: `inputs.prepare` changes the form of a float model, not what it computes."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from small_models import by_onnxruntime, constant, conv, dense, join, model, node, normal

from espdl.quantize import inputs
from espdl.quantize.types import Settings

KINDS = {"uint8": (0, 256), "int8": (-128, 128), "int16": (-900, 900), "uint16": (0, 4000), "float32": (-50, 90)}
ONNX = {
    "uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "int16": TensorProto.INT16, "uint16": TensorProto.UINT16,
    "float32": TensorProto.FLOAT,
}  # fmt: skip


@st.composite
def chains(draw: st.DrawFn, rank: int, channels: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto], str, int]:
    """Steps on "real"; the last tensor, and on which axis the channels lie then (1, or the last before)."""
    nodes, constants, last, axis = [], [], "real", draw(st.sampled_from([1, rank - 1]))
    for index in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["Add", "Sub", "Mul", "Div", "Neg", "Rsub", "Transpose", "Clip", "Identity"]))
        result = f"t{index}"
        if kind == "Transpose" and rank > 2:
            order = list(range(rank))
            order.insert(rank - 1 if axis == 1 else 1, order.pop(axis))
            axis = rank - 1 if axis == 1 else 1
            nodes.append(node("Transpose", [last], [result], result, perm=order))
        elif kind in ("Neg", "Identity"):
            nodes.append(node(kind, [last], [result], result))
        elif kind == "Clip":
            ends = constant(f"low{index}", -1e6), constant(f"high{index}", 1e6)
            constants += ends
            nodes.append(node("Clip", [last, ends[0].name, ends[1].name], [result], result))
        elif kind != "Transpose":
            shape = [channels if a == axis else 1 for a in range(rank)] if draw(st.booleans()) else []
            seed = draw(st.integers(0, 9))
            other = np.abs(normal(*shape, seed=seed)) + np.float32(0.5)
            constants.append(constant(f"other{index}", other))
            pair = [last, f"other{index}"]
            operator = "Sub" if kind == "Rsub" else kind
            nodes.append(node(operator, pair[::-1] if kind == "Rsub" else pair, [result], result))
        else:
            continue
        last = result
    return nodes, constants, last, axis


@st.composite
def networks(draw: st.DrawFn) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    kind, channels = draw(st.sampled_from(sorted(KINDS))), draw(st.integers(1, 4))  # 4: square weights
    is_picture = draw(st.booleans())
    rank = 4 if is_picture else 2
    steps, constants, last, axis = draw(chains(rank, channels))
    begins = axis if sum(n.op_type == "Transpose" for n in steps) % 2 == 0 else (rank if axis == 1 else 2) - 1
    shape = ([1, channels, 5, 4] if begins == 1 else [1, 5, 4, channels]) if is_picture else [1, channels]
    parts = [node("Cast" if kind != "float32" else "Identity", ["x"], ["real"], "cast",
                  **({"to": TensorProto.FLOAT} if kind != "float32" else {}))]  # fmt: skip
    if is_picture and axis != 1:
        steps = [*steps, node("Transpose", [last], ["first"], "first", perm=[0, 3, 1, 2])]
        last = "first"
    first = (
        conv(last, "y", channels, 4, (3, 3), pads=[draw(st.integers(0, 1))] * 4)
        if is_picture
        else draw(st.sampled_from([dense(last, "y", channels, 4), _product(last, channels)]))
    )
    second = [node("Abs", [last], ["z"], "abs")] if draw(st.integers(0, 3)) == 0 else []
    nodes, more = join(*parts, *steps, first, *second)
    outputs = [("y", None)] + ([("z", None)] if second else [])
    proto = model(nodes, [("x", shape, ONNX[kind])], outputs, [*constants, *more])
    data = np.random.default_rng(draw(st.integers(0, 99))).integers(*KINDS[kind], (6, *shape[1:])).astype(kind)
    return onnx.shape_inference.infer_shapes(proto, data_prop=True), {"x": data}


def _product(last: str, width: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    made = [node("MatMul", [last, "w"], ["p"], "product"), node("Add", ["p", "b"], ["y"], "add")]
    return made, [constant("w", normal(width, 4)), constant("b", normal(4, seed=2))]


@given(networks(), st.sampled_from(["affine", "power_of_two"]), st.sampled_from(["int8", "int16x8"]))
@settings(deadline=None)
def test_computes_the_same(network: tuple, scheme: str, precision: str) -> None:
    proto, data = network
    samples = [{"x": row[np.newaxis]} for row in data["x"]]
    prepared, _ = inputs.prepare(proto, samples, Settings(scheme=scheme, precision=precision))
    onnx.checker.check_model(prepared, full_check=True)
    before, after = by_onnxruntime(proto, data), by_onnxruntime(prepared, data)
    centred = any(n.op_type == "Sub" and n.input[0] == "x_real" for n in prepared.graph.node)
    for name, exact in before.items():
        got, tolerance = after[name], 2e-4 * float(np.abs(exact).max())
        if centred and name == "y":  # its border holds the nearest integer
            exact, got = exact[..., 1:-1, 1:-1], got[..., 1:-1, 1:-1]
        np.testing.assert_allclose(got, exact, atol=tolerance + 1e-4)

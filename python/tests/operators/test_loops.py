# SPDX-License-Identifier: CC0-1.0
"""Loops whose body is a step of a GRU, an LSTM or an RNN, in the forms that converters from TensorFlow write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import small_models as small
from onnx import TensorProto, helper
from small_models import node

from espdl import traits
from espdl.errors import EspdlError
from espdl.verify import metrics, reference, samples

STEPS, WIDTH, HIDDEN, COUNT = 5, 3, 4, 12
GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


def constants(kind: str, bias: int, batch: int, start: str) -> list[onnx.TensorProto]:
    """Outside of the body. `bias`: rows of it."""
    rows = GATES[kind] * HIDDEN
    state = small.normal(batch, HIDDEN, seed=4, scale=0.5) * (start == "constant")
    return [
        small.constant("kernel", small.normal(WIDTH, rows, seed=1, scale=0.5)),
        small.constant("recurrent", small.normal(HIDDEN, rows, seed=2, scale=0.4)),
        *([small.constant("bias", small.normal(bias, rows, seed=3, scale=0.3))] if bias else []),
        *([] if start == "input" else [small.constant("start", state)]),
        small.constant("count", STEPS, np.int64),
        small.constant("true", True, bool),
        small.constant("zero", 0, np.int32),
    ]


def scalars(**values: Any) -> list[onnx.TensorProto]:
    return [small.constant(name, value, getattr(value, "dtype", np.float32)) for name, value in values.items()]


def gru_nodes(reset_after: bool, function: str = "Sigmoid") -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Keras' cell: gates z, r, h; one product of the state, or two where the reset gate comes first."""
    made = [
        node("Split", ["bias_in"], ["bias_x2", "bias_h2"] if reset_after else ["bias_x2"], axis=0),
        node("Squeeze", ["bias_x2", "front"], ["bias_x"]),
        node("Gemm", ["row", "kernel_in", "bias_x"], ["ahead"]),
        node("Split", ["ahead"], ["xz", "xr", "xh"], axis=1),
    ]
    if reset_after:
        made += [
            node("Squeeze", ["bias_h2", "front"], ["bias_h"]),
            node("Gemm", ["h", "recurrent_in", "bias_h"], ["behind"]),
            node("Split", ["behind"], ["hz", "hr", "hh"], axis=1),
        ]
    else:
        made += [
            node("Slice", ["recurrent_in", "i0", "i2", "i1"], ["both"]),
            node("MatMul", ["h", "both"], ["behind"]),
            node("Split", ["behind"], ["hz", "hr"], axis=1),
        ]
    made += [
        node("Add", ["xz", "hz"], ["sz"]),
        node("Add", ["xr", "hr"], ["sr"]),
        node(function, ["sz"], ["z"]),
        node(function, ["sr"], ["r"]),
    ]
    if reset_after:
        made += [node("Mul", ["r", "hh"], ["inner"])]
    else:
        made += [
            node("Mul", ["r", "h"], ["rh"]),
            node("Slice", ["recurrent_in", "i2", "i3", "i1"], ["last"]),
            node("MatMul", ["rh", "last"], ["inner"]),
        ]
    made += [
        node("Add", ["xh", "inner"], ["sh"]),
        node("Tanh", ["sh"], ["new"]),
        node("Sub", ["one", "z"], ["rest"]),
        node("Mul", ["z", "h"], ["old"]),
        node("Mul", ["rest", "new"], ["fresh"]),
        node("Add", ["old", "fresh"], ["h_out"]),
    ]
    sizes = [small.ints(f"i{n}", n * HIDDEN if n != 1 else 1) for n in range(4)]
    return made, [*sizes, small.ints("front", 0), *scalars(one=1.0)]


def lstm_nodes() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Keras' cell: gates i, f, c, o."""
    return [
        node("MatMul", ["h", "recurrent_in"], ["behind"]),
        node("MatMul", ["row", "kernel_in"], ["ahead"]),
        node("Add", ["ahead", "behind"], ["both"]),
        node("Add", ["both", "bias_in"], ["sums"]),
        node("Split", ["sums"], ["i", "f", "g", "o"], axis=1),
        node("Sigmoid", ["i"], ["enter"]),
        node("Sigmoid", ["f"], ["forget"]),
        node("Sigmoid", ["o"], ["leave"]),
        node("Tanh", ["g"], ["new"]),
        node("Mul", ["forget", "c"], ["kept"]),
        node("Mul", ["enter", "new"], ["fresh"]),
        node("Add", ["kept", "fresh"], ["c_out"]),
        node("Tanh", ["c_out"], ["shown"]),
        node("Mul", ["leave", "shown"], ["h_out"]),
    ], []


def rnn_nodes() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    return [
        node("Gemm", ["row", "kernel_in", "bias_in"], ["ahead"]),
        node("Gemm", ["h", "recurrent_in", "ahead"], ["sum"]),
        node("Tanh", ["sum"], ["h_out"]),
    ], []


def model(
    kind: str, cell: tuple, bias: int, *, batch: int = 1, start: str = "zero", limit: int = STEPS
) -> onnx.ModelProto:
    """Batch first outside; a counter, the states and the weights go round; all results are outputs."""
    states = ["h", "c"] if kind == "LSTM" else ["h"]
    names = ["kernel", "recurrent", *(["bias"] if bias else [])]
    rows = GATES[kind] * HIDDEN
    info, number = helper.make_tensor_value_info, TensorProto
    shapes = {"kernel": [WIDTH, rows], "recurrent": [HIDDEN, rows], "bias": [bias, rows]}
    inputs = [info("step", number.INT64, []), info("on", number.BOOL, []), info("counter", number.INT32, [])]
    inputs += [info(s, number.FLOAT, [batch, HIDDEN]) for s in states]
    inputs += [info(f"{n}_in", number.FLOAT, shapes[n]) for n in names]
    nodes, inner = cell
    around = [
        node("Add", ["counter", "next"], ["counter_out"]),
        node("Gather", ["sequence", "counter"], ["row"]),
        node("Less", ["counter_out", "limit"], ["goes_on"]),
    ]
    outputs = [info("goes_on", number.BOOL, []), info("counter_out", number.INT32, [])]
    outputs += [info(f"{s}_out", number.FLOAT, [batch, HIDDEN]) for s in states]
    outputs += [info(f"{n}_in", number.FLOAT, shapes[n]) for n in names]
    outputs += [info("shown_out", number.FLOAT, [batch, HIDDEN])]
    counters = scalars(next=np.int32(1), limit=np.int32(limit))
    body = helper.make_graph(
        [*around, *nodes, node("Identity", ["h_out"], ["shown_out"])], "body", inputs, outputs, [*inner, *counters]
    )
    finals = [f"last_{s}" for s in states]
    given = ["count", "true", "zero", *["start"] * len(states), *names]
    results = ["counted", *finals, *[""] * len(names), "all"]
    outer = [
        node("Transpose", ["x"], ["sequence"], "to_sequence", perm=[1, 0, 2]),
        node("Loop", given, [r or f"unread_{i}" for i, r in enumerate(results)], "layer/while", body=body),
    ]
    ports = [("x", [batch, STEPS, WIDTH]), *([("start", [batch, HIDDEN])] if start == "input" else [])]
    wanted = [(f, [batch, HIDDEN]) for f in finals] + [("all", [limit, batch, HIDDEN])]
    return small.model(outer, ports, wanted, constants(kind, bias, batch, start))


FORMS = {
    "gru reset after": ("GRU", gru_nodes(True), 2),
    "gru reset before": ("GRU", gru_nodes(False), 1),
    "lstm": ("LSTM", lstm_nodes(), 1),
    "rnn": ("RNN", rnn_nodes(), 1),
}


def check(proto: onnx.ModelProto, kind: str, precision: str, least: float, folder: Path) -> None:
    data = {
        port.name: small.normal(
            COUNT, *[d.dim_value for d in port.type.tensor_type.shape.dim], seed=i + 5, scale=0.5 + 0.5 * (i == 0)
        )
        for i, port in enumerate(proto.graph.input)
    }
    made = small.compiled(proto, None if precision == "float32" else data, folder, precision=precision)
    if kind in traits.having("activations"):
        assert [c.operator.split("_")[0] for c in made.plan.calls].count(kind.lower()) == 1
        assert len(made.plan.calls) <= 5
    tensors = samples.to_tensors(made.plan, data)
    runs = [reference.run(made.plan, {n: v[i] for n, v in tensors.items()}) for i in range(COUNT)]
    got = samples.to_float(made.plan, {p.name: np.stack([run[p.tensor] for run in runs]) for p in made.plan.outputs})
    for name, exact in small.by_onnxruntime(proto, data).items():
        assert metrics.sqnr_db(exact, got[name].reshape(exact.shape)) >= least, name


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("precision", "least"), [("float32", 100), pytest.param("int8", 20, marks=pytest.mark.sweep)])
def test_the_loop_becomes_the_layer(form: str, precision: str, least: float, tmp_path: Path) -> None:
    kind, cell, bias = FORMS[form]
    check(model(kind, cell, bias), kind, precision, least, tmp_path)


@pytest.mark.parametrize(
    ("start", "batch", "limit"), [("input", 1, STEPS), ("constant", 2, STEPS), ("zero", 1, STEPS - 2)]
)
@pytest.mark.parametrize("form", [pytest.param("gru reset after", marks=pytest.mark.sweep), "lstm"])
def test_states_batches_and_lengths(form: str, start: str, batch: int, limit: int, tmp_path: Path) -> None:
    kind, cell, bias = FORMS[form]
    check(model(kind, cell, bias, batch=batch, start=start, limit=limit), kind, "float32", 100, tmp_path)


def test_a_cell_that_is_none_is_refused(tmp_path: Path) -> None:
    """Softsign is no gate that Keras has: nothing is taken for what it nearly is."""
    with pytest.raises(EspdlError, match=r"node 'layer/while' \(Loop\)") as caught:
        small.compiled(model("GRU", gru_nodes(True, "Softsign"), 2), None, tmp_path, precision="float32")
    assert "its body is no step of a GRU" in caught.value.why
    assert "unroll=True" in caught.value.remedy

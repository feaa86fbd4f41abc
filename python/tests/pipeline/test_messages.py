# SPDX-License-Identifier: CC0-1.0
"""Messages are about the user's own nodes, in the caller's words, and give the reason that a library gives."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from small_models import compiled, constant, conv, join, model, node, normal

from espdl import cli
from espdl.errors import EspdlError, Node
from espdl.foreign import said
from espdl.frontend.rewrites.functions import inline
from espdl.frontend.sources import Sources

SOURCE = "/onnxruntime_src/onnxruntime/core/providers/cpu"
FAILED = "[ONNXRuntimeError] : 1 : FAIL : "
RUNNING = "Non-zero status code returned while running"
# What libraries say: the reason that a user is to read, and the node.
SAID = {
    f"{FAILED}{RUNNING} Add node. Name:'sum' Status Message: {SOURCE}/math/element_wise_ops.h:563 void "
    "onnxruntime::BroadcastIterator::Init(ptrdiff_t, ptrdiff_t) axis == 1 || axis == largest was false. "
    "Attempting to broadcast an axis by a dimension other than 1. 6 by 5": (
        "Attempting to broadcast an axis by a dimension other than 1. 6 by 5",
        "sum",
    ),
    f"{FAILED}Exception during initialization: {SOURCE}/rnn/lstm_base.h:53 onnxruntime::LSTMBase::LSTMBase(const "
    "onnxruntime::OpKernelInfo&) layout_ == 0 was false. Batchwise recurrent operations (layout == 1) are not "
    "supported.": ("Batchwise recurrent operations (layout == 1) are not supported.", ""),
    f"{FAILED}Load model from /tmp/x.onnx failed:Node (c) Op (Conv) [ShapeInferenceError] pads has incorrect size": (
        "pads has incorrect size",
        "c",
    ),
    "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for Foo(1) node with name 'f'": (
        "Could not find an implementation for Foo(1) node with name 'f'",
        "f",
    ),
    "[ShapeInferenceError] (op_type:Conv, node name: c): [ShapeInferenceError] pads has incorrect size": (
        "pads has incorrect size",
        "c",
    ),
    "Nodes in a graph must be topologically sorted, however input 'z' of node: \nname: c OpType: Conv\n is not output "
    "of any previous nodes.": (
        "Nodes in a graph must be topologically sorted, however input 'z' of node: name: c OpType: Conv is not output "
        "of any previous nodes.",
        "c",
    ),
    "Check failed: (bits == 64 || (*small >= 0)) is false: Literal value 200 exceeds range of int8": (
        "Literal value 200 exceeds range of int8",
        "",
    ),
    "malformed node or string: <ast.BinOp object at 0x7f343fa29b30>": ("malformed node or string: an expression", ""),
}


@pytest.mark.parametrize("text", SAID, ids=range(len(SAID)))
def test_what_a_library_says_is_its_reason(text: str) -> None:
    told = said(RuntimeError(text))
    assert (told.reason, told.node) == SAID[text]


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=600))
def test_whatever_a_library_says_is_one_line_of_bounded_length(text: str) -> None:
    reason = said(ValueError(text)).reason
    assert reason and len(reason.splitlines()) == 1 and len(reason) < 420


def test_a_long_reason_keeps_its_end() -> None:
    reason = said(ValueError("word " * 200 + "and the reason")).reason
    assert reason.startswith("word word") and reason.endswith("and the reason") and " ... " in reason


def test_an_error_crosses_processes_with_its_node() -> None:
    error = pickle.loads(pickle.dumps(EspdlError.at("net.onnx", Node("a", "Add", ("y",)), "why", "remedy")))
    assert error.node == Node("a", "Add", ("y",)) and error.what == "net.onnx: node 'a' (Add)"


def with_logarithm(inside: bool) -> onnx.ModelProto:
    """A node whose result is NaN; `inside` of a function of the model's own."""
    last = node("Shifted" if inside else "Log", ["c"], ["y"], "shifted", domain="mine" if inside else "")
    nodes, constants = join(conv("x", "c", 2, 4, [3, 3]), last)
    proto = model(nodes, [("x", [1, 2, 8, 8])], [("y", [1, 4, 6, 6])], constants)
    if inside:
        body = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Neg", ["b"], ["n"])]
        body += [helper.make_node("Log", ["n"], ["l"]), helper.make_node("Exp", ["l"], ["e"])]
        opset = helper.make_opsetid("", 17)
        proto.functions.append(helper.make_function("mine", "Shifted", ["a"], ["e"], body, [opset]))
        proto.opset_import.append(helper.make_opsetid("mine", 1))
    return proto


@pytest.mark.parametrize("inside", [False, True])
def test_what_is_not_finite_is_the_fault_of_the_model(tmp_path: Path, inside: bool) -> None:
    with pytest.raises(EspdlError, match="its output is NaN in the float model, for finite inputs") as caught:
        compiled(with_logarithm(inside), {"x": normal(4, 2, 8, 8)}, tmp_path)
    assert caught.value.node.name == "shifted"
    assert caught.value.what == f"net.onnx: node 'shifted' ({'Shifted' if inside else 'Log'})"
    assert ("Log, a part of what it becomes" in caught.value.why) == inside
    assert "calibration" not in caught.value.remedy


@pytest.mark.parametrize("kind", ["GroupNormalization", "Swish", "MeanVarianceNormalization"])
def test_nodes_of_a_definition_have_its_name(kind: str) -> None:
    operands = ["c"] if kind != "GroupNormalization" else ["c", "one", "zero"]
    attributes = {"num_groups": 2} if kind == "GroupNormalization" else {}
    nodes = [node("Relu", ["x"], ["c"], "first"), node(kind, operands, ["d"], "", **attributes)]
    nodes += [node("Abs", ["d"], ["y"], "last")]
    held = [constant("one", np.ones(4)), constant("zero", np.zeros(4))]
    proto = model(nodes, [("x", [1, 4, 6, 6])], [("y", [1, 4, 6, 6])], held, opset=24)
    made, sources = inline(proto), Sources(proto)
    assert len(made.graph.node) > 3
    found = [sources.of(n.name, n.output) for n in made.graph.node]
    assert [n.name for n in (found[0], found[-1])] == ["first", "last"]
    assert {n.op_type for n in found[1:-1]} == {kind}


def test_sources_of_names_that_begin_alike() -> None:
    nodes = [node("Relu", ["x"], ["a"], "conv"), node("Relu", ["a"], ["b"], "conv/1"), node("Relu", ["b"], ["c"], "d")]
    sources = Sources(model(nodes, [("x", [1])], [("c", [1])]))
    assert sources.of("conv/1/Mul").name == "conv/1"
    assert sources.of("conv/12").name == "conv"
    assert sources.of("convolution") is None
    assert sources.of("fused", ["b"]).name == "conv/1"


def calibration_file(folder: Path, header: str) -> Path:
    path = folder / "calib.npy"
    text = header.encode() + b" " * (117 - len(header)) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    return path


def test_a_damaged_header_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    nodes, constants = conv("x", "y", 2, 4, [3, 3])
    onnx.save(model(nodes, [("x", [1, 2, 8, 8])], [("y", [1, 4, 6, 6])], constants), tmp_path / "net.onnx")
    path = calibration_file(tmp_path, "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2*1, 8, 8), }")
    arguments = ["compile", str(tmp_path / "net.onnx"), "--calibration", str(path), "-o", str(tmp_path / "out")]
    assert cli.main(arguments) == 1
    text = capsys.readouterr().err
    assert "its header is damaged" in text and "object at" not in text


@pytest.mark.parametrize("size", [0, -8])
def test_a_size_that_is_none(tmp_path: Path, size: int) -> None:
    nodes, constants = conv("x", "y", 2, 4, [3, 3])
    proto = model(nodes, [("x", [1, 2, 8, 8])], [("y", [1, 4, 6, 6])], constants)
    proto.graph.input[0].type.tensor_type.shape.dim[2].dim_value = size
    with pytest.raises(EspdlError, match=f"input 'x': dimension 2 has the size {size}\n.*--shape x="):
        compiled(proto, {"x": normal(4, 2, 8, 8)}, tmp_path)


@pytest.mark.parametrize("build", [False, True])
@pytest.mark.parametrize("wrong", ["no model", "no shape", "no calibration", "no float", "scheme"])
def test_the_callers_words(tmp_path: Path, capsys: pytest.CaptureFixture, wrong: str, build: bool) -> None:
    kind = TensorProto.INT32 if wrong == "no float" else TensorProto.FLOAT
    shape = [1, None, 8, 8] if wrong == "no shape" else [1, 2, 8, 8]
    proto = model([node("Neg", ["x"], ["y"], "neg")], [("x", shape, kind)], [("y", shape, kind)])
    if wrong != "no model":
        onnx.save(proto, tmp_path / "net.onnx")
    values = {"model": str(tmp_path / "net.onnx"), "name": "net", "output": str(tmp_path / "out")}
    if wrong in ("no float", "scheme"):
        values["calibration"] = str(tmp_path / "calib.npy")
        np.save(values["calibration"], np.zeros((4, 2, 8, 8), np.int32 if wrong == "no float" else np.float32))
    if wrong == "scheme":
        values |= {"scheme": "power_of_two", "precision": "int16x8"}
    if build:
        (tmp_path / "options.json").write_text(json.dumps(values))
        arguments = ["--options", str(tmp_path / "options.json")]
    else:
        flags = [text for name in values if name != "model" for text in (f"--{name}", values[name])]
        arguments = [values["model"], *flags]
    assert cli.main(["compile", *arguments]) == 1
    expected = {
        "no model": ("the path of the model", "MODEL"),
        "no shape": ("--shape x=", "SHAPES x="),
        "no calibration": ("--calibration", "CALIBRATION"),
        "no float": ("--precision float32", "PRECISION float32"),
        "scheme": ("--scheme affine", "SCHEME affine"),
    }[wrong]
    text = capsys.readouterr().err
    assert expected[build] in text and expected[not build] not in text

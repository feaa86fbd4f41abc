# SPDX-License-Identifier: Apache-2.0
"""Bad input: one message that says what was asked, why it cannot be, and what to do; exit code 1; no traceback."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from pipeline_models import REPOSITORY, conv_model

from espdl import quantize
from espdl.cli import main
from espdl.quantize.ranges import session

LAUNCHER = REPOSITORY / "python" / "espdl_cli.py"


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def arguments_for(folder: Path, *arguments: str, model: str = "net.onnx", calibration: str | None = "calib.npy"):
    command = ["compile", str(folder / model), "-o", str(folder / "out")]
    return [*command, *(["--calibration", str(folder / calibration)] if calibration else []), *arguments]


def compile_(folder: Path, *arguments: str, **files: str | None) -> Done:
    """The command line in this process, which spares the import of TVM."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments_for(folder, *arguments, **files))
    return Done(code, out.getvalue(), err.getvalue())


def refused(done: Done, folder: Path, *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("espdl: ")
    assert lines[-1].strip().startswith("Remedy: ")
    assert len(lines) <= 6 and "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    left = [p.name for p in (folder / "out").rglob("*")] if (folder / "out").exists() else []
    assert not left, f"half-written output: {left}"


def test_a_good_model_compiles(workspace: Path) -> None:
    done = compile_(workspace)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    names = {"net.c", "net.h", "net_weights.S", "net_weights.bin"}
    assert names <= {p.name for p in (workspace / "out").iterdir()}


def test_the_launcher_needs_no_installation(workspace: Path) -> None:
    command = [sys.executable, "-I", str(LAUNCHER), *arguments_for(workspace, model="other.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    refused(done, workspace, "other.onnx", "no such file")


def test_missing_model(workspace: Path) -> None:
    refused(compile_(workspace, model="other.onnx"), workspace, "other.onnx", "no such file")


@pytest.mark.parametrize("content", [b"", b"not a protobuf", b"\x08\x07\x12\x03abc"])
def test_not_onnx(workspace: Path, content: bytes) -> None:
    (workspace / "net.onnx").write_bytes(content)
    refused(compile_(workspace), workspace, "net.onnx", "not an ONNX model" if len(content) != 14 else "ONNX")


def test_truncated_model(workspace: Path) -> None:
    content = (workspace / "net.onnx").read_bytes()
    (workspace / "net.onnx").write_bytes(content[: len(content) // 2])
    refused(compile_(workspace), workspace, "net.onnx")


def test_no_calibration(workspace: Path) -> None:
    refused(compile_(workspace, calibration=None), workspace, "calibration", "--calibration", "[N, 2, 8, 8]")


def test_missing_calibration(workspace: Path) -> None:
    refused(compile_(workspace, calibration="other.npy"), workspace, "other.npy")


@pytest.mark.parametrize("shape", [(4, 2, 8), (4, 8, 8, 2), (2, 8, 9), ()])
def test_wrong_calibration_shape(workspace: Path, shape: tuple[int, ...]) -> None:
    np.save(workspace / "calib.npy", np.zeros(shape, np.float32))
    refused(compile_(workspace), workspace, "calib.npy", "shape", "[N, 2, 8, 8]")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.complex64])
def test_wrong_calibration_dtype(workspace: Path, dtype: type) -> None:
    np.save(workspace / "calib.npy", np.zeros((4, 2, 8, 8), dtype))
    refused(compile_(workspace), workspace, "calib.npy", "dtype", "float32")


def test_pickled_calibration_is_not_opened(workspace: Path) -> None:
    np.save(workspace / "calib.npy", np.array([{}], object), allow_pickle=True)
    refused(compile_(workspace), workspace, "calib.npy")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_calibration_with_values_that_are_no_numbers(workspace: Path, value: float) -> None:
    data = np.zeros((4, 2, 8, 8), np.float32)
    data[2, 1, 0, 3] = value
    np.save(workspace / "calib.npy", data)
    refused(compile_(workspace), workspace, "calib.npy", "sample 2", "NaN")


def test_no_samples(workspace: Path) -> None:
    np.save(workspace / "calib.npy", np.zeros((0, 2, 8, 8), np.float32))
    refused(compile_(workspace), workspace, "calib.npy", "no samples")


def test_dynamic_dimension(workspace: Path) -> None:
    onnx.save(conv_model(height="rows"), workspace / "net.onnx")
    refused(compile_(workspace), workspace, "'image'", "rows", "--shape image=")
    assert compile_(workspace, "--shape", "image=1,2,8,8").returncode == 0


def test_shape_that_contradicts_the_model(workspace: Path) -> None:
    refused(compile_(workspace, "--shape", "image=1,2,9,8"), workspace, "dimension 2 is 8")
    refused(compile_(workspace, "--shape", "picture=1,2,8,8"), workspace, "picture", "image")
    refused(compile_(workspace, "--shape", "image=1,two"), workspace, "image=1,two", code=2)


def test_operator_with_an_output_of_dynamic_shape(workspace: Path) -> None:
    nodes = [
        helper.make_node("NonZero", ["active"], ["places"], name="head/NonZero"),
        helper.make_node("Cast", ["places"], ["scores"], name="cast", to=1),
    ]
    onnx.save(conv_model(extra=nodes), workspace / "net.onnx")
    refused(compile_(workspace), workspace, "'head/NonZero' (NonZero)", "shape")


def test_operator_of_another_domain(workspace: Path) -> None:
    model = conv_model(
        extra=[helper.make_node("Fancy", ["active"], ["scores"], name="head/fancy", domain="com.example")]
    )
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    onnx.save(model, workspace / "net.onnx")
    refused(compile_(workspace), workspace, "com.example")


def test_weights_that_are_text(workspace: Path) -> None:
    model = conv_model()
    model.graph.initializer[0].CopyFrom(helper.make_tensor("w", onnx.TensorProto.STRING, [1], [b"text"]))
    onnx.save(model, workspace / "net.onnx")
    refused(compile_(workspace), workspace, "tensor 'w'", "text")


def test_weights_of_another_size_than_their_shape(workspace: Path) -> None:
    model = conv_model()
    model.graph.initializer[0].dims[0] = 3
    onnx.save(model, workspace / "net.onnx")
    refused(compile_(workspace), workspace, "tensor 'w'", "shape")


def save_lstm(folder: Path, weights: np.ndarray) -> None:
    """image [1, 2, 6, 6] as 6 steps of 12 values -> LSTM of size 4."""
    constants = {"weights": weights, "recurrence": np.ones((1, 16, 4), np.float32), "steps": np.array([-1, 1, 12])}
    nodes = [
        helper.make_node("Reshape", ["image", "steps"], ["signal"]),
        helper.make_node("LSTM", ["signal", "weights", "recurrence"], ["scores"], name="lstm", hidden_size=4),
    ]
    ports = [
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, size)]
        for name, size in (("image", [1, 2, 6, 6]), ("scores", [6, 1, 1, 4]))
    ]
    graph = helper.make_graph(nodes, "net", *ports, [numpy_helper.from_array(v, name) for name, v in constants.items()])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "net.onnx")
    np.save(folder / "calib.npy", np.ones((2, 2, 6, 6), np.float32))


@pytest.mark.parametrize("shape", [(1, 16), (16, 12), (1, 12, 12), (2, 16, 12), (1, 16, 11), (1, 4, 4, 12)], ids=str)
def test_recurrent_weights_of_a_wrong_shape(workspace: Path, shape: tuple[int, ...]) -> None:
    save_lstm(workspace, np.ones(shape, np.float32))
    refused(
        compile_(workspace),
        workspace,
        f"node 'lstm' (LSTM): its input W has the shape {list(shape)}",
        "need [1, 16, 12]",
    )


def test_recurrent_weight_beyond_what_an_integer_kernel_can_scale(workspace: Path) -> None:
    weights = np.ones((1, 16, 12), np.float32)
    weights[0, 12, 5] = 1e30
    save_lstm(workspace, weights)
    done = compile_(workspace)
    assert done.returncode == 0, done.stderr
    report = (workspace / "out" / "report.json").read_text()
    assert '"espdl_lstm_f32"' in report and "a scale ratio must be below 2**30" in report


def test_node_whose_inputs_no_runtime_takes(workspace: Path) -> None:
    """The checker lets it pass; a rewrite meets weights of one dimension."""
    nodes = [
        helper.make_node("Reshape", ["active", "signal"], ["s"], name="reshape"),
        helper.make_node("Conv", ["s", "signal"], ["scores"], name="head"),
    ]
    model = conv_model(extra=nodes)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 4, 64]), "signal"))
    onnx.save(model, workspace / "net.onnx")
    refused(compile_(workspace), workspace, "net.onnx: node 'head' (Conv): ONNX Runtime cannot load it")


def test_bug_of_ours_is_not_blamed_on_the_model(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr(quantize, "run", broken)
    refused(compile_(workspace), workspace, "internal error: IndexError: a bug", code=70)


def test_what_onnx_runtime_raises_is_a_message(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        session(conv_model(), []).run(None, {"image": np.zeros((1, 2, 9, 8), np.float32)})

    monkeypatch.setattr(quantize, "run", wrong)
    refused(compile_(workspace), workspace, "net.onnx: ONNX Runtime cannot run it", "invalid dimensions")


@pytest.mark.parametrize("declared", [[7, 4, 8, 8], [1, 4, 8], [1, 4, 8, 9]], ids=str)
@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
def test_declared_shape_that_the_output_does_not_have(workspace: Path, scheme: str, declared: list[int]) -> None:
    """Runtimes only warn of it, so exporters leave it behind: the true one counts."""
    model = conv_model()
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, declared))
    onnx.save(model, workspace / "net.onnx")
    done = compile_(workspace, "--scheme", scheme)
    assert done.returncode == 0, done.stderr
    assert json.loads((workspace / "out" / "report.json").read_text())["outputs"][0]["shape"] == [1, 4, 8, 8]


@pytest.mark.parametrize("name", ["x" * 10_000, "two words " * 1000], ids=["word", "sentence"])
def test_long_name_leaves_the_remedy_on_the_screen(workspace: Path, name: str) -> None:
    onnx.save(conv_model(height=name), workspace / "net.onnx")
    done = compile_(workspace)
    refused(done, workspace, "input 'image': dimension 2 (", "no fixed size", "Remedy: pass the shape (--shape image=")
    assert len(done.stderr) < 24 * 80


@pytest.mark.parametrize("name", ["2net", "int", "class", "my net", "a-b", ""])
def test_name_that_is_no_identifier(workspace: Path, name: str) -> None:
    done = compile_(workspace, f"--name={name}")
    if name == "":  # an empty name is the default: the file's stem
        assert done.returncode == 0
    else:
        refused(done, workspace, f"'{name}'", "--name")


def test_option_that_is_no_choice(workspace: Path) -> None:
    refused(compile_(workspace, "--scheme", "binary"), workspace, "scheme", "affine", code=2)


def test_output_folder_that_cannot_be_made(workspace: Path) -> None:
    (workspace / "out").write_text("a file is in the way")
    done = compile_(workspace)
    assert done.returncode == 1 and "Remedy" in done.stderr and "Traceback" not in done.stderr


def test_boxes_that_are_chosen_by_their_scores(workspace: Path) -> None:
    ports = {"boxes": [1, 6, 4], "scores": [1, 1, 6]}
    graph = helper.make_graph(
        [helper.make_node("NonMaxSuppression", list(ports), ["chosen"], name="head/NMS")],
        "g",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in ports.items()],
        [helper.make_tensor_value_info("chosen", onnx.TensorProto.INT64, ["n", 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), workspace / "n.onnx")
    done = compile_(workspace, "--precision", "float32", model="n.onnx", calibration=None)
    refused(done, workspace, "'head/NMS' (NonMaxSuppression)", "number of boxes is not known", "constant max_output")


def test_loop_whose_length_is_computed(workspace: Path) -> None:
    float_info = functools.partial(helper.make_tensor_value_info, elem_type=onnx.TensorProto.FLOAT, shape=[2])
    count = helper.make_tensor_value_info("count", onnx.TensorProto.INT64, [])
    body = helper.make_graph(
        [helper.make_node("Add", ["state", "state"], ["next"]), helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("step", onnx.TensorProto.INT64, []),
            helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
            float_info("state"),
        ],
        [helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, []), float_info("next")],
    )
    loop = helper.make_node("Loop", ["count", "", "x"], ["y"], name="decoder/Loop", body=body)
    graph = helper.make_graph([loop], "g", [count, float_info("x")], [float_info("y")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), workspace / "n.onnx")
    done = compile_(workspace, "--precision", "float32", model="n.onnx", calibration=None)
    refused(done, workspace, "'decoder/Loop' (Loop)", "how often its body runs", "cut the graph before it")


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_weights_that_overflowed_in_training(workspace: Path, value: float) -> None:
    """A bias of minus infinity leaves no trace behind a ReLU."""
    model = conv_model()
    bias = np.array([0, 1, value, 2], np.float32)
    model.graph.initializer.append(numpy_helper.from_array(bias, "b"))
    model.graph.node[0].input.append("b")
    onnx.save(model, workspace / "net.onnx")
    refused(compile_(workspace), workspace, "node 'stem' (Conv)", "among its biases ('b')" if value < 0 else "NaN")

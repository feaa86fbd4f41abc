# SPDX-License-Identifier: CC0-1.0
"""What has no integer form runs in floats inside of an int8 network, and the report says so: node, reason, cost."""

from __future__ import annotations

import contextlib
import html
import io
import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from usual_networks import Net

from espdl import pipeline
from espdl.cli import main
from espdl.verify import host, samples

# Operator, its constants, its attributes; float tensors that TVM's steps of it leave in the arena.
OPERATORS = {
    "LRN": ((), {"size": 3}, True),
    "CumSum": ((np.int64(2),), {}, False),
    "LogSoftmax": ((), {"axis": 1}, False),
}


def network(operator: str) -> onnx.ModelProto:
    constants, attributes, _ = OPERATORS[operator]
    net = Net("floats")
    x = net.relu(net.conv(net.input("x", 1, 3, 8, 8), 8, 3))
    y = net.node(operator, x, *(net.constant(c, c.dtype) for c in constants), **attributes)
    net.channels[y] = 8
    net.output(net.conv(y, 4), "y")
    return net.model()


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_report_names_it(operator: str, tmp_path: Path) -> None:
    onnx.save(network(operator), tmp_path / "net.onnx")
    x = np.float32(np.random.default_rng(1).standard_normal((32, 3, 8, 8)))
    np.save(tmp_path / "x.npy", x)
    arguments = ["--name", "net", "--calibration", str(tmp_path / "x.npy"), "--output", str(tmp_path)]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["compile", str(tmp_path / "net.onnx"), *arguments]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    (said,) = [sentence for sentence in report["advice"] if "computes in floats" in sentence]
    assert re.match(rf"{operator}2 \(layers? [\d, .]+\) computes in floats", said)
    assert f"{operator} has no integer form. It takes more than the estimated" in said
    floats = sum(t["bytes"] for layer in report["layers"] for t in layer["outputs"] if t["dtype"] == "float32")
    assert (f"{floats:,} bytes for float tensors" in said) == (floats > 0) == OPERATORS[operator][2]
    assert said in html.unescape((tmp_path / "report.html").read_text())
    assert said in " ".join(printed.getvalue().split())


def test_its_integers_are_those_of_the_float_model(shared_folder: Path) -> None:
    """A running sum, whose loops once did not fit between a dequantize and a quantize."""
    (folder := shared_folder / "cumsum").mkdir()
    onnx.save(proto := network("CumSum"), folder / "net.onnx")
    x = np.float32(np.random.default_rng(1).standard_normal((32, 3, 8, 8)))
    np.save(folder / "x.npy", x)
    found = pipeline.compile_model(
        pipeline.Options(str(folder / "net.onnx"), "net", str(folder), str(folder / "x.npy"))
    )
    program = host.build(found.plan, found.files, "net", folder, flags=host.SANITIZERS)
    ours = samples.to_float(found.plan, program.run(samples.to_tensors(found.plan, {"x": x})).outputs)["y"]
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    exact = np.stack([session.run(None, {"x": v[np.newaxis]})[0] for v in x]).reshape(ours.shape)
    assert 10 * np.log10(np.square(exact).sum() / np.square(exact - ours).sum()) > 30

#!/usr/bin/env bash
# onnxruntime 1.32.0: quantize_static with QuantFormat.QOperator quantises a bias that two convolutions share once, with the
# scale of the first, and both QLinearConv read those integers: the second convolution's bias is wrong by the ratio of the
# scales (input scale * weights scale must be the bias's scale for each). No warning. QuantFormat.QDQ is right, because its
# DequantizeLinear carries a scale, and so is QOperator where each convolution has a bias of its own with the same values.
#
# Seen (dB of the quantised model against the float one, for the second convolution):
#     own QOperator: 37.1
#     shared QDQ: 37.1
#     shared QOperator: -0.9
#
# Fails if that changes. Needs Python 3.11 or newer and the package index.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 sympy==1.14.0
cat > "$folder/shared_bias.py" <<'PYTHON'
import logging
import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

logging.disable(logging.WARNING)
folder = sys.argv[1]
random = np.random.default_rng(0)
data = random.normal(size=(16, 1, 3, 8, 8)).astype(np.float32)
weights = [scale * random.normal(size=(4, 3, 1, 1)).astype(np.float32) for scale in (1, 7)]
bias = np.float32([3, -2, 1, 4])


def model(shared):
    held = [numpy_helper.from_array(w.astype(np.float32), f"w{i}") for i, w in enumerate(weights)]
    held += [numpy_helper.from_array(bias, name) for name in (["b0"] if shared else ["b0", "b1"])]
    nodes = [
        helper.make_node("Conv", ["x", f"w{i}", "b0" if shared else f"b{i}"], [f"y{i}"], f"conv{i}") for i in range(2)
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])]
    outputs = [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [1, 4, 8, 8]) for i in range(2)]
    graph = helper.make_graph(nodes, "two", inputs, outputs, held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


class Reader(CalibrationDataReader):
    def __init__(self):
        self.samples = iter(data)

    def get_next(self):
        sample = next(self.samples, None)
        return None if sample is None else {"x": sample}


def second(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.stack([session.run(["y1"], {"x": sample})[0] for sample in data])


def decibels(shared, form):
    exact, rough = os.path.join(folder, "float.onnx"), os.path.join(folder, "quantised.onnx")
    onnx.save(model(shared), exact)
    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    quantize_static(exact, rough, Reader(), quant_format=form, **types)
    wanted = second(exact)
    return 10 * np.log10(np.mean(wanted**2) / np.mean((wanted - second(rough)) ** 2))


results = {
    "own QOperator": decibels(False, QuantFormat.QOperator),
    "shared QDQ": decibels(True, QuantFormat.QDQ),
    "shared QOperator": decibels(True, QuantFormat.QOperator),
}
for name, value in results.items():
    print(f"{name}: {value:.1f}")
assert results["own QOperator"] > 30 and results["shared QDQ"] > 30, "the comparison itself has changed"
assert results["shared QOperator"] < 0, "the shared bias is right now"
PYTHON
ORT_DISABLE_TELEMETRY=1 OMP_NUM_THREADS=1 "$folder/venv/bin/python" "$folder/shared_bias.py" "$folder"

#!/usr/bin/env bash
# SPDX-License-Identifier: CC0-1.0
# onnx 1.23.2: version_converter takes Resize and Upsample of operator sets before 11 to 13 without saying that they
# meant coordinate_transformation_mode "asymmetric" (and nearest_mode "floor"), so that they get the new defaults, and
# the answers change. Hardmax keeps its axis, though before operator set 13 it took all axes from there on together.
# onnxruntime 1.32.0 runs the models before and after. Seen:
#   Upsample linear: largest difference 0.33
#   Resize linear: largest difference 0.33
#   Hardmax axis 1: largest difference 1.00
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime as ort
from onnx import helper, numpy_helper, version_converter

ort.set_default_logger_severity(4)


def run(model, x):
    return ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]


def difference(operator, opset, x, constants=(), **attributes):
    tensors = [numpy_helper.from_array(np.float32(v), f"c{i}") for i, v in enumerate(constants)]
    node = helper.make_node(operator, ["x", *(t.name for t in tensors)], ["y"], **attributes)
    inputs = [helper.make_tensor_value_info("x", 1, x.shape)]
    graph = helper.make_graph([node], "g", inputs, [helper.make_empty_tensor_value_info("y")], tensors)
    old = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return float(np.abs(run(old, x) - run(version_converter.convert_version(old, 13), x)).max())


image = np.random.default_rng(0).random((1, 1, 3, 4), np.float32)
found = {
    "Upsample linear": difference("Upsample", 9, image, [[1, 1, 2, 3]], mode="linear"),
    "Resize linear": difference("Resize", 10, image, [[1, 1, 2, 3]], mode="linear"),
    "Hardmax axis 1": difference("Hardmax", 11, image, axis=1),
}
for name, value in found.items():
    print(f"{name}: largest difference {value:.2f}")
assert min(found.values()) > 0.05, "the converter carries them over by now"
PY

#!/usr/bin/env bash
# SPDX-License-Identifier: CC0-1.0
# onnxruntime 1.32.0: Resize with keep_aspect_ratio_policy "not_larger" and axes counted from the end, [-2, -1], returns
# its input unchanged, without a warning; with the same axes as [2, 3] it resizes. Seen for sizes [4, 9] of [6, 5]:
#   axes [2, 3]: [4, 3]
#   axes [-2, -1]: [6, 5]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime as ort
from onnx import helper, numpy_helper

ort.set_default_logger_severity(4)


def size(axes):
    sizes = numpy_helper.from_array(np.int64([4, 9]), "s")
    attributes = {"mode": "linear", "keep_aspect_ratio_policy": "not_larger", "axes": axes}
    node = helper.make_node("Resize", ["x", "", "", "s"], ["y"], **attributes)
    ports = [helper.make_tensor_value_info("x", 1, [1, 2, 6, 5])], [helper.make_empty_tensor_value_info("y")]
    graph = helper.make_graph([node], "g", *ports, [sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    x = np.ones((1, 2, 6, 5), np.float32)
    return list(ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0].shape[2:])


found = size([2, 3]), size([-2, -1])
print(f"axes [2, 3]: {found[0]}\naxes [-2, -1]: {found[1]}")
assert found[1] == [6, 5] != found[0], "negative axes count by now"
PY

#!/usr/bin/env bash
# SPDX-License-Identifier: CC0-1.0
# onnx 1.23.2 infers, without a warning, other sizes for pools than onnxruntime 1.32.0 returns (which warns and goes on):
# with ceil_mode and pads before operator set 22, where the last window would begin in the padding at the end; and with
# auto_pad SAME_UPPER and dilations in every operator set, where onnxruntime pads for the kernel without dilation.
# Transposed convolutions with auto_pad SAME_UPPER and output_padding are one longer for onnx too. Seen:
#   AveragePool 19 ceil_mode, pads 1: onnx 4, onnxruntime 3
#   MaxPool 19 SAME_UPPER, dilations 2: onnx 7, onnxruntime 5
#   ConvTranspose 11 SAME_UPPER, output_padding 1: onnx 11, onnxruntime 10
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime as ort
from onnx import helper, numpy_helper, shape_inference

ort.set_default_logger_severity(4)


def sizes(operator, opset, size, **attributes):
    weights = [numpy_helper.from_array(np.ones((1, 1, 3), np.float32), "w")] if operator == "ConvTranspose" else []
    node = helper.make_node(operator, ["x", *(w.name for w in weights)], ["y"], **attributes)
    ports = [helper.make_tensor_value_info("x", 1, [1, 1, size])], [helper.make_empty_tensor_value_info("y")]
    graph = helper.make_graph([node], "g", *ports, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    inferred = shape_inference.infer_shapes(model, strict_mode=True).graph.output[0].type.tensor_type.shape
    x = np.ones((1, 1, size), np.float32)
    returned = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0].shape
    return inferred.dim[2].dim_value, returned[2]


two = {"kernel_shape": [2], "strides": [2]}
same = {"auto_pad": "SAME_UPPER"}
up = {"strides": [2], "output_padding": [1], **same}
found = {
    "AveragePool 19 ceil_mode, pads 1": sizes("AveragePool", 19, 5, pads=[1, 1], ceil_mode=1, **two),
    "MaxPool 19 SAME_UPPER, dilations 2": sizes("MaxPool", 19, 7, kernel_shape=[3], dilations=[2], **same),
    "ConvTranspose 11 SAME_UPPER, output_padding 1": sizes("ConvTranspose", 11, 5, **up),
}
for name, (onnx_size, runtime_size) in found.items():
    print(f"{name}: onnx {onnx_size}, onnxruntime {runtime_size}")
assert all(a != b for a, b in found.values()), "they agree by now"
PY

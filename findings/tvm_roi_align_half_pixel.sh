#!/usr/bin/env bash
# SPDX-License-Identifier: CC0-1.0
# apache-tvm 0.27.0.post1: the ONNX importer takes half a pixel off the regions of RoiAlign before it multiplies them with
# spatial_scale, where coordinate_transformation_mode "half_pixel" takes it off behind. With a scale of 1 it makes no
# difference, with any other the answer is wrong, without a warning. Seen (largest difference from onnxruntime 1.32.0):
#   spatial_scale 1.0: 0.00
#   spatial_scale 0.5: 0.43
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apache-tvm==0.27.0.post1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime as ort
import tvm
from onnx import helper, numpy_helper
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

random = np.random.default_rng(0)


def errors(operator, opset, x, constants, **attributes):
    """The largest difference between TVM and ONNX Runtime, and the largest value."""
    tensors = [numpy_helper.from_array(v, f"c{i}") for i, v in enumerate(constants)]
    node = helper.make_node(operator, ["x", *(t.name for t in tensors)], ["y"], **attributes)
    ports = [helper.make_tensor_value_info("x", 1, x.shape)], [helper.make_empty_tensor_value_info("y")]
    model = helper.make_model(
        helper.make_graph([node], "g", *ports, tensors), opset_imports=[helper.make_opsetid("", opset)], ir_version=9
    )
    expected = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    module = relax.transform.DecomposeOpsForInference()(from_onnx(model))
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    got = machine["main"](tvm.runtime.tensor(x)).numpy()
    return float(np.abs(got - expected).max()), float(np.abs(expected).max())


x = random.standard_normal((1, 2, 10, 10), np.float32)
regions = np.float32([[1, 1, 9, 13], [3, 2, 18, 18]])
shared = {"coordinate_transformation_mode": "half_pixel", "output_height": 3, "output_width": 3, "sampling_ratio": 2}
found = {}
for scale in (1.0, 0.5):
    found[scale], _ = errors("RoiAlign", 16, x, [regions, np.int64([0, 0])], spatial_scale=scale, **shared)
    print(f"spatial_scale {scale}: {found[scale]:.2f}")
assert found[1.0] < 1e-4 < 0.1 < found[0.5], "it is right by now"
PY

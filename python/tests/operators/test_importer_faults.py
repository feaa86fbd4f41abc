# SPDX-License-Identifier: CC0-1.0
"""What TVM and onnx get wrong, or do not know, about one operator: as ONNX Runtime computes it, in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from importer_faults import CASES, IMAGE, PLACES, REGIONS, Case, sized, whole
from small_models import conv, join, model, normal, outcome

from espdl import pipeline
from espdl.errors import EspdlError
from espdl.verify import reference, samples

# One of each kind; the others need no more than a change to one of these would show.
SAMPLE = {
    "average_pool_ceil", "clip_crossed", "hardmax_of_opset_11", "l1_of_nothing", "layer_norm_computed", "lp_pool_ceil",
    "max_pool_places_by_columns", "max_unpool_shape", "pad_wrapped_behind_a_cut", "resize_crop_axes",
    "resize_not_larger", "resize_rounded_size", "roi_align_half_pixel_quarter", "scatter_smaller", "stft_rank_2",
    "upsample_linear",
}  # fmt: skip


def compiled(proto: onnx.ModelProto, folder: Path) -> pipeline.Compilation:
    onnx.save(proto, folder / "net.onnx")
    options = pipeline.Options(str(folder / "net.onnx"), "net", str(folder / "out"), precision="float32")
    return pipeline.compile_model(options)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in SAMPLE else pytest.mark.sweep) for n in sorted(CASES)]
)
def test_as_onnxruntime(name: str, tmp_path: Path) -> None:
    proto, given = CASES[name].build()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    expected = ort.InferenceSession(proto.SerializeToString(), options).run(None, given)
    names = [output.name for output in proto.graph.output]
    for output, value in zip(proto.graph.output, expected):
        kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
        output.CopyFrom(onnx.helper.make_tensor_value_info(output.name, kind, [None] * value.ndim))
    plan = compiled(proto, tmp_path).plan
    tensors = samples.to_tensors(plan, {n: v[np.newaxis] for n, v in given.items()})
    found = reference.run(plan, {n: v[0] for n, v in tensors.items()})
    ports = {port.name: port.tensor for port in plan.outputs}
    for output, value in zip(names, expected):
        assert found[ports[output]].size == value.size
        np.testing.assert_allclose(found[ports[output]].reshape(value.shape), value, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case("RoiAlign", [PLACES, REGIONS, whole(0, 0, 0, 0)], {"mode": "max"}, 16), "two meanings"),
        (Case("Pow", [np.arange(4), np.arange(4)], {}), "constant exponent"),
        (
            Case(
                "MaxPool", [IMAGE[:, :, :, :3]], {"kernel_shape": [1, 2], "strides": [3, 3], "auto_pad": "SAME_UPPER"}
            ),
            "negative pads",
        ),
    ],
)
def test_refused_with_the_reason(case: Case, reason: str, tmp_path: Path) -> None:
    proto, _ = case.build()
    kind, rank = (onnx.TensorProto.INT64, 1) if case.operator == "Pow" else (onnx.TensorProto.FLOAT, 4)
    proto.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", kind, [None] * rank))
    with pytest.raises(EspdlError, match=reason) as raised:
        compiled(proto, tmp_path)
    assert "node 'layer'" in str(raised.value)


def test_axes_from_the_end(tmp_path: Path) -> None:
    """ONNX Runtime returns such an input unchanged; what they mean is no different from axes counted from the front."""
    shapes = []
    for axes in ([2, 3], [-2, -1]):
        proto, _ = sized([4, 9], mode="linear", axes=axes, keep_aspect_ratio_policy="not_larger").build()
        proto.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None] * 4))
        plan = compiled(proto, tmp_path).plan
        shapes.append(plan.tensor(plan.outputs[0].tensor).shape)
    assert shapes == [(1, 2, 4, 3)] * 2


def test_places_in_integers(tmp_path: Path) -> None:
    """An encoder and a decoder. In 8 bits, some places are others than in float: of values that are almost alike."""
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes, constants = join(
        conv("x", "c", 3, 4, [3, 3], pads=[1] * 4),
        onnx.helper.make_node("MaxPool", ["c"], ["p", "i"], **pool),
        conv("p", "q", 4, 4, [1, 1], seed=9),
        onnx.helper.make_node("MaxUnpool", ["q", "i"], ["u"], **pool),
        conv("u", "y", 4, 2, [3, 3], seed=11, pads=[1] * 4),
    )
    proto = model(nodes, [("x", [1, 3, 8, 8])], [("y", [1, 2, 8, 8])], constants)
    assert outcome(proto, {"x": normal(24, 3, 8, 8)}, tmp_path, scheme="affine").sqnr > 14

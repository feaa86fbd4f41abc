# SPDX-License-Identifier: CC0-1.0
"""LSTM and GRU in every form that a kernel takes: directions and outputs; and what happens to all others."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from espdl import pipeline
from espdl.errors import EspdlError
from espdl.verify import compare, host, samples

STEPS, INPUTS, HIDDEN, SAMPLES = 5, 3, 4, 8
GATES = {"LSTM": 4, "GRU": 3}
FORMS = list(itertools.product(GATES, ("forward", "reverse", "bidirectional"), ("Y", "H", "YH")))
# Both directions have all that one has: the others in the second scheme are in `make test-all`.
IN_SCHEMES = [(*form, "affine") for form in FORMS] + [
    pytest.param(*form, "power_of_two", marks=() if form[1] == "bidirectional" else pytest.mark.sweep) for form in FORMS
]


def model(operator: str, outputs: str = "Y", **attributes) -> onnx.ModelProto:
    """One layer with random weights. `outputs`: Y all steps, H the last states, C the last cells."""
    random = np.random.default_rng(7)
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    gates = GATES[operator]
    shapes = {"W": (gates * HIDDEN, INPUTS), "R": (gates * HIDDEN, HIDDEN), "B": (2 * gates * HIDDEN,)}
    constants = [
        numpy_helper.from_array(random.uniform(-1, 1, (directions, *shape)).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    shapes = {"Y": (STEPS, directions, 1, HIDDEN), "H": (directions, 1, HIDDEN), "C": (directions, 1, HIDDEN)}
    names = [name if name in outputs else "" for name in ("YHC" if operator == "LSTM" else "YH")]
    node = helper.make_node(operator, ["x", "W", "R", "B"], names, name="layer", hidden_size=HIDDEN, **attributes)
    ports = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs}
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (STEPS, 1, INPUTS))
    graph = helper.make_graph([node], "g", [x], list(ports.values()), constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def compiled(proto: onnx.ModelProto, folder: Path, **options) -> pipeline.Compilation:
    onnx.save(proto, folder / "net.onnx")
    if options.get("precision") != "float32":
        shape = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
        data = np.random.default_rng(1).standard_normal((16, *shape))
        np.savez(folder / "calibration.npz", x=data.astype(np.float32))
        options["calibration"] = str(folder / "calibration.npz")
    return pipeline.compile_model(
        pipeline.Options(model=str(folder / "net.onnx"), name="net", output=str(folder), taps=True, **options)
    )


def sqnr(reference: np.ndarray, got: np.ndarray) -> float:
    return float(10 * np.log10((reference**2).sum() / ((reference - got) ** 2).sum()))


@pytest.mark.parametrize(("operator", "direction", "outputs", "scheme"), IN_SCHEMES)
def test_a_kernel_runs_it(operator: str, direction: str, outputs: str, scheme: str, shared_folder: Path) -> None:
    folder = shared_folder / f"{operator}_{direction}_{outputs}_{scheme}"
    folder.mkdir()
    attributes = {"linear_before_reset": 1} if operator == "GRU" else {}
    proto = model(operator, outputs, direction=direction, **attributes)
    plan = (compilation := compiled(proto, folder, scheme=scheme)).plan
    kernels = [call.operator for call in plan.calls]
    assert kernels.count(operator.lower()) == (2 if direction == "bidirectional" else 1)
    assert "fallback" not in kernels
    program = host.build(plan, compilation.files, "net", folder, flags=host.SANITIZERS)
    inputs = {"x": np.random.default_rng(2).standard_normal((SAMPLES, STEPS, 1, INPUTS)).astype(np.float32)}
    tensors = samples.to_tensors(plan, inputs)
    results = program.run(tensors, layers=True)
    assert compare.first_difference(plan, tensors, results) is None
    ours = samples.to_float(plan, results.outputs)
    session = onnxruntime.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
    for name in outputs:
        reference = np.stack([session.run([name], {"x": x})[0] for x in inputs["x"]])
        assert sqnr(reference, ours[name].reshape(reference.shape)) >= 30, name


def test_explicit_defaults_are_defaults(tmp_path: Path) -> None:
    """Activations by name, lengths that are all steps and states of zeros: what exporters write out."""
    proto = model("LSTM", activations=["Sigmoid", "Tanh", "Tanh"])
    proto.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([STEPS], np.int32), "lengths"),
            numpy_helper.from_array(np.zeros((1, 1, HIDDEN), np.float32), "zeros"),
        ]
    )
    proto.graph.node[0].input.extend(["lengths", "zeros", "zeros"])
    assert [call.operator for call in compiled(proto, tmp_path).plan.calls] == ["lstm"]


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"clip": 2.0}, "its gates are clipped"),
        ({"activations": ["Relu", "Tanh", "Relu"]}, "its activations are Relu, Tanh, Relu"),
    ],
)
def test_what_no_kernel_takes_is_taken_apart_and_said(attributes: dict, why: str, tmp_path: Path) -> None:
    compilation = compiled(model("LSTM", **attributes), tmp_path)
    names = {call.operator for call in compilation.plan.calls}
    assert "gemm" in names and "lstm" not in names
    (warning,) = [w for w in compilation.report["warnings"] if "taken apart" in w]
    assert f"node 'layer' (LSTM) is taken apart into {STEPS} steps, because {why}" in warning
    assert f"up to {4 * HIDDEN * HIDDEN * STEPS:,} recurrent weights are stored instead of" in warning


@pytest.mark.parametrize("precision", ["int8", "float32"])
@pytest.mark.parametrize(
    ("operator", "name", "shape", "needed"),
    [
        ("LSTM", "W", (1, 16, 2), "[1, 16, 3]"),
        ("LSTM", "R", (1, 15, 4), "[1, 16, 4]"),
        ("GRU", "B", (1, 12), "[1, 24]"),
        ("GRU", "W", (2, 12, 3), "[1, 12, 3]"),
    ],
)
def test_weights_of_another_shape_are_refused(
    operator: str, name: str, shape: tuple[int, ...], needed: str, precision: str, tmp_path: Path
) -> None:
    proto = model(operator)
    weights = next(t for t in proto.graph.initializer if t.name == name)
    weights.CopyFrom(numpy_helper.from_array(np.zeros(shape, np.float32), name))
    with pytest.raises(EspdlError, match=rf"node 'layer' \({operator}\)") as caught:
        compiled(proto, tmp_path, precision=precision)
    assert f"{name} has the shape {list(shape)}" in caught.value.why and needed in caught.value.why
    assert "export the model again" in caught.value.remedy


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_computed_lengths_are_refused_with_the_reason(precision: str, tmp_path: Path) -> None:
    proto = model("LSTM")
    proto.graph.input.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [1]))
    proto.graph.node[0].input.append("lengths")
    with pytest.raises(EspdlError, match=r"node 'layer' \(LSTM\)") as caught:
        compile_with_two_inputs(proto, tmp_path, precision)
    assert "sequence lengths that are not constant" in caught.value.why
    assert caught.value.remedy


def compile_with_two_inputs(proto: onnx.ModelProto, folder: Path, precision: str) -> None:
    onnx.save(proto, folder / "net.onnx")
    x = np.random.default_rng(1).standard_normal((4, STEPS, 1, INPUTS)).astype(np.float32)
    np.savez(folder / "calibration.npz", x=x, lengths=np.full((4, 1), STEPS, np.int32))
    options = {"precision": precision, "calibration": str(folder / "calibration.npz")}
    pipeline.compile_model(pipeline.Options(model=str(folder / "net.onnx"), name="net", output=str(folder), **options))

# SPDX-License-Identifier: CC0-1.0
"""Float operators between Q and DQ become kernels from int8 to int8, as ONNX Runtime computes them within one step."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import tvm
from fallback_cases import CASES, Case
from fallback_harness import Program, tensor_types
from onnx import TensorProto, helper, numpy_helper
from tvm import relax

from espdl.partition import tvm_compat
from espdl.partition.fallback import fuse_quantized, lower

OPERATORS = (
    "Sigmoid Gelu Softmax Softmax_channels LogSoftmax LayerNormalization InstanceNormalization ReduceMean ReduceL2 "
    "Resize_linear Resize_nearest Resize_cubic Concat Add_broadcast Where Split Reshape Transpose Flatten Pad_reflect "
    "ConvTranspose Conv_3d MatMul_batched AveragePool TopK Gather DepthToSpace Identity"
).split()
SHARE_OF_DIFFERENCES = 0.002
"""How many of all results may differ from ONNX Runtime's by one step: sums in another order, exp of another libm."""


def optimisations_off(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def scale_of(values: np.ndarray) -> np.float32:
    return np.float32(max(np.abs(values).max(), 1e-3) / 120)


class Quantized:
    """A QDQ model under construction; every float tensor gets a scale of its own and zero point 3 or -5."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(value, f"c{len(self.constants)}"))
        return self.constants[-1].name

    def add(self, op: str, inputs: list[str], outputs: list[str], **attributes) -> str:
        self.nodes.append(helper.make_node(op, inputs, outputs, name=outputs[0], **attributes))
        return outputs[0]

    def dequantize(self, source: str, result: str, scale: float, zero: int = 3) -> str:
        qparams = [self.constant(np.float32(scale)), self.constant(np.int8(zero))]
        return self.add("DequantizeLinear", [source, *qparams], [result])

    def quantize(self, source: str, result: str, scale: float, zero: int = -5) -> str:
        qparams = [self.constant(np.float32(scale)), self.constant(np.int8(zero))]
        return self.add("QuantizeLinear", [source, *qparams], [result])

    def model(self, inputs: dict[str, tuple[int, ...]], outputs: list[str], opset: int = 20) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info(name, TensorProto.INT8, shape) for name, shape in inputs.items()],
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model)


def quantized_case(case: Case) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The case's operator with int8 inputs and outputs, and inputs for it."""
    feeds, builder, inputs = case.feeds(), Quantized(), {}
    reference = dict(zip([f"y{i}" for i in range(case.outputs)], optimisations_off(case.model()).run(None, feeds)))
    names = []
    for position, value in enumerate(case.inputs):
        name = f"x{position}"
        if name in feeds and feeds[name].dtype == np.float32:
            scale = scale_of(feeds[name])
            inputs[f"q{position}"] = np.clip(np.rint(feeds[name] / scale) + 3, -128, 127).astype(np.int8)
            names.append(builder.dequantize(f"q{position}", name, scale))
        elif value is None:
            names.append("")
        else:
            names.append(builder.constant(feeds.get(name, value)))
    builder.add(case.op, names, list(reference), **case.attributes)
    outputs = [
        builder.quantize(name, f"{name}_q", scale_of(value)) if value.dtype == np.float32 else name
        for name, value in reference.items()
    ]
    return builder.model({n: v.shape for n, v in inputs.items()}, outputs, case.opset), inputs


def fused(model: onnx.ModelProto) -> tvm.IRModule:
    return fuse_quantized(tvm_compat.import_onnx(model, lambda name, operator, error: error))


def float_results(main: relax.Function) -> list[str]:
    bindings = [b.var for block in main.body.blocks for b in block.bindings]
    return [v.name for v in bindings if any("float" in str(t.dtype.dtype) for t in tensor_types(v.ty))]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    cases = {case.name: case for case in CASES}
    models = {name: quantized_case(cases[name]) for name in OPERATORS}
    return Program(
        tmp_path_factory.mktemp("fused"), {n: lower(fused(m), "net_") for n, (m, _) in models.items()}
    ), models


@pytest.mark.parametrize("name", OPERATORS)
def test_one_int8_kernel(name: str, program):
    runner, models = program
    lowered = runner.modules[name]
    assert float_results(lowered.module["main"]) == []
    assert len(lowered.kernels) == 1
    results, references = run(runner, models, name)
    for result, reference in zip(results, references):
        assert result.shape == reference.shape and result.dtype == reference.dtype
        assert np.abs(result.astype(np.int64) - reference.astype(np.int64)).max() <= 1


def run(runner: Program, models, name: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    model, inputs = models[name]
    order = [p.name for p in runner.modules[name].module["main"].params]
    return runner.run(name, [inputs[n] for n in order]), optimisations_off(model).run(None, inputs)


def test_differences_are_rare(program):
    runner, models = program
    pairs = [pair for name in OPERATORS for pair in zip(*run(runner, models, name))]
    different = sum(np.count_nonzero(a != b) for a, b in pairs)
    assert different <= SHARE_OF_DIFFERENCES * sum(b.size for _, b in pairs)


def functions(module: tvm.IRModule) -> list[list[str]]:
    """Operators of each fused function, in the order of main's calls."""
    found = []
    for block in module["main"].body.blocks:
        for binding in block.bindings:
            if isinstance(binding.value, relax.Call) and isinstance(binding.value.op, tvm.ir.GlobalVar):
                body = module[binding.value.op].body
                calls = [b.value for inner in body.blocks for b in inner.bindings if isinstance(b.value, relax.Call)]
                found.append([c.op.name.removeprefix("relax.") for c in calls])
    return found


def test_an_elementwise_chain_is_one_function():
    b = Quantized()
    b.dequantize("q", "x", 0.1)
    b.add("Sigmoid", ["x"], ["s"])
    b.add("Mul", ["x", "s"], ["m"])
    b.quantize("m", "out", 0.05)
    module = fused(b.model({"q": (2, 3)}, ["out"]))
    assert functions(module) == [["dequantize", "sigmoid", "multiply", "quantize"]]


def test_a_region_that_would_need_its_own_result_is_split(tmp_path):
    """f -> q -> (int8 transpose) -> dq -> add(f, ...): the float f crosses, because one function would be a cycle."""
    b = Quantized()
    b.dequantize("q", "x", 0.1)
    b.add("Exp", ["x"], ["f"])
    b.quantize("f", "f_q", 0.2)
    b.add("Transpose", ["f_q"], ["t"], perm=[1, 0])
    b.dequantize("t", "u", 0.2, -5)
    b.add("Add", ["f", "u"], ["sum"])
    b.quantize("sum", "out", 0.4)
    model = b.model({"q": (3, 3)}, ["out"])
    module = fused(model)
    assert functions(module) == [["dequantize", "exp", "quantize"], ["dequantize", "add", "quantize"]]
    inputs = np.arange(9, dtype=np.int8).reshape(3, 3)
    result = Program(tmp_path, {"split": lower(module, "net_")}).run("split", [inputs])
    np.testing.assert_array_equal(result, optimisations_off(model).run(None, {"q": inputs}))


def test_two_regions_share_a_dequantize_by_having_one_each():
    b = Quantized()
    b.dequantize("q", "x", 0.1)
    b.add("Sigmoid", ["x"], ["s"])
    b.add("Tanh", ["x"], ["t"])
    b.quantize("s", "s_q", 0.01)
    b.quantize("t", "t_q", 0.01)
    module = fused(b.model({"q": (2, 3)}, ["s_q", "t_q"]))
    assert functions(module) == [["dequantize", "sigmoid", "quantize"], ["dequantize", "tanh", "quantize"]]


def test_a_float_output_leaves_its_region():
    b = Quantized()
    b.dequantize("q", "x", 0.1)
    b.add("Softmax", ["x"], ["s"])
    b.quantize("s", "s_q", 0.01)
    module = fused(b.model({"q": (2, 3)}, ["s", "s_q"]))
    assert functions(module) == [["dequantize", "nn.softmax", "quantize"]]
    assert [str(t.dtype.dtype) for t in tensor_types(module["main"].ret_ty)] == ["float32", "int8"]


def test_calls_of_backends_stay_between_kernels():
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 3), "int8"))
    scale, zero = relax.const(0.1, "float32"), relax.const(0, "int8")
    with builder.function("main", [x]):
        with builder.dataflow():
            value = x
            for operator in (relax.op.sigmoid, None, relax.op.tanh):
                if operator is None:
                    value = builder.emit(relax.op.call_dps_packed("espdl_relu", relax.Tuple([value]), x.ty))
                else:
                    value = builder.emit(operator(builder.emit(relax.op.dequantize(value, scale, zero))))
                    value = builder.emit(relax.op.quantize(value, scale, zero))
            output = builder.emit_output(value)
        builder.emit_func_output(output)
    main = lower(fuse_quantized(builder.get()), "net_").module["main"]
    assert [b.value.op.name for block in main.body.blocks for b in block.bindings] == [
        "relax.call_tir",
        "relax.call_dps_packed",
        "relax.call_tir",
    ]
    assert float_results(main) == []


def test_float_models_stay_as_they_are():
    case = next(c for c in CASES if c.name == "Softmax")
    assert functions(fused(case.model())) == []

# SPDX-License-Identifier: CC0-1.0
"""Chains of elementwise operators of one tensor: one table each, with the right value for every integer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper
from usual_networks import Net

from espdl import pipeline
from espdl.plan.types import KernelCall, Plan
from espdl.verify import compare, host, samples

SCHEMES = ["affine", "power_of_two"]


def _hard_swish(net: Net, x: str) -> str:
    shifted = net.node("Clip", net.node("Add", x, net.constant(3.0)), net.constant(0.0), net.constant(6.0))
    return net.node("Div", net.node("Mul", x, shifted), net.constant(6.0))


def _gelu(net: Net, x: str) -> str:
    inner = net.node("Add", net.node("Erf", net.node("Div", x, net.constant(np.sqrt(2)))), net.constant(1.0))
    return net.node("Mul", net.node("Mul", x, inner), net.constant(0.5))


def _chain(*operators: str, **attributes: float) -> Callable[[Net, str], str]:
    def build(net: Net, x: str) -> str:
        for operator in operators:
            x = net.node(operator, x, **(attributes if operator == operators[-1] else {}))
        return x

    return build


CHAINS: dict[str, Callable[[Net, str], str]] = {
    "relu, sigmoid": _chain("Relu", "Sigmoid"),
    "sigmoid": _chain("Sigmoid"),
    "negative": _chain("Neg"),
    "negative, relu": _chain("Neg", "Relu"),
    "square root of the absolute": _chain("Abs", "Sqrt"),
    "logarithm of softplus": _chain("Softplus", "Log"),
    "hard swish, one node": _chain("HardSwish"),
    "hard swish, written out": _hard_swish,
    "hard sigmoid": _chain("HardSigmoid", alpha=1 / 6),
    "leaky relu, tanh": lambda net, x: net.node("Tanh", net.node("LeakyRelu", x, alpha=0.123)),
    "clip, tanh": lambda net, x: net.node("Tanh", net.node("Clip", x, net.constant(-1.0), net.constant(1.5))),
    "silu": lambda net, x: net.node("Mul", x, net.node("Sigmoid", x)),
    "gelu, written out": _gelu,
    "mish": lambda net, x: net.node("Mul", x, net.node("Tanh", net.node("Softplus", x))),
    "elu": _chain("Elu", alpha=0.7),
    "selu": _chain("Selu"),
    "softsign, exp": _chain("Softsign", "Exp"),
    "power": lambda net, x: net.node("Pow", x, net.constant(2.0)),
    "maximum of two branches": lambda net, x: net.node("Max", net.node("Neg", x), net.node("Tanh", x)),
    "jumps": _chain("Round", "Abs"),
    "long": _chain("Abs", "Neg", "Exp", "Log", "Sin", "Cos"),
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    """Every chain as an output of its own."""
    net = Net("chains")
    x = net.input("x", 1, 256)
    for number, build in enumerate(CHAINS.values()):
        net.output(build(net, x), f"y{number}")
    return net.model()


def compiled(model: onnx.ModelProto, folder: Path, **options) -> pipeline.Compilation:
    onnx.save(model, folder / "net.onnx")
    if not any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        np.save(folder / "x.npy", np.float32(np.random.default_rng(3).normal(0, 2, (64, 256))))
        options["calibration"] = str(folder / "x.npy")
    return pipeline.compile_model(pipeline.Options(str(folder / "net.onnx"), "net", str(folder), **options))


def tables(compilation: pipeline.Compilation) -> list[KernelCall]:
    """One lookup per output, in their order, each straight from the input."""
    plan = compilation.plan
    assert len(plan.calls) == len(plan.outputs) == len(CHAINS)
    makers = {call.outputs[0]: call for call in plan.calls}
    calls = [makers[port.tensor] for port in plan.outputs]
    for call in calls:
        assert call.function == "espdl_lookup_s8"
        assert call.inputs == (plan.inputs[0].tensor,)
    return calls


def answers(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def every_input(compilation: pipeline.Compilation) -> np.ndarray:
    """float32 [1, 256]: what the 256 integers of the input stand for."""
    tensor = compilation.plan.tensor(compilation.plan.inputs[0].tensor)
    return np.float32(np.arange(-128, 128) - tensor.zero_point)[np.newaxis] * np.float32(tensor.scale)


def steps(compilation: pipeline.Compilation, name: str, real: np.ndarray) -> np.ndarray:
    """Real values as (real) integers of an output, saturated."""
    port = next(p for p in compilation.plan.outputs if p.name == name)
    tensor = compilation.plan.tensor(port.tensor)
    exact = np.nan_to_num(real.astype(np.float64)) / np.float64(np.float32(tensor.scale)) + tensor.zero_point
    return np.clip(exact, -128, 127).reshape(-1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_chain_is_one_table(model: onnx.ModelProto, scheme: str, tmp_path: Path) -> None:
    """Every entry is the exact value rounded; float32 computes what ONNX Runtime answers."""
    found = compiled(model, tmp_path, scheme=scheme)
    exact = answers(model, {"x": every_input(found)})
    for number, (name, call) in enumerate(zip(CHAINS, tables(found))):
        error = np.abs(call.constant("table") - steps(found, f"y{number}", exact[f"y{number}"]))
        assert error.max() <= 0.501, name
        if name == "long":
            assert [re.sub(r"\d+", "", n) for n in call.source_nodes] == ["Abs", "Neg", "Exp", "Log", "Sin", "Cos"]


def with_pairs(model: onnx.ModelProto, scheme: str) -> onnx.ModelProto:
    """The model as tools write it that quantise every tensor: a pair behind the input and behind every node."""
    seen = onnx.ModelProto()
    seen.CopyFrom(model)
    names = [o for node in model.graph.node for o in node.output]
    del seen.graph.output[:]
    seen.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    x = np.float32(np.linspace(-5.0307, 6.171, 256))[np.newaxis]
    ranges = {name: (float(v.min()), float(v.max())) for name, v in ({"x": x} | answers(seen, {"x": x})).items()}
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = pair(result, "x", "x/pair", scheme, ranges["x"])
    for node in model.graph.node:
        inputs = [f"{name}/pair" if name in ranges else name for name in node.input]
        (output,) = node.output
        last = output in {o.name for o in model.graph.output}
        source = f"{output}/float" if last else output
        copy = helper.make_node(node.op_type, inputs, [source], name=node.name)
        copy.attribute.extend(node.attribute)
        nodes.append(copy)
        nodes += pair(result, source, output if last else f"{output}/pair", scheme, ranges[output])
    del result.graph.node[:], result.graph.value_info[:]
    result.graph.node.extend(nodes)
    return onnx.shape_inference.infer_shapes(result)


def pair(
    model: onnx.ModelProto, source: str, output: str, scheme: str, limits: tuple[float, float]
) -> list[onnx.NodeProto]:
    low, high = min(limits[0], 0.0), max(limits[1], 0.0)
    scale, zero_point = (high - low) / 255, 0
    if scheme == "power_of_two":
        scale = 2.0 ** np.ceil(np.log2(max(-low, high) / 127))
    else:
        zero_point = int(np.rint(-128 - low / scale))
    constants = [numpy_helper.from_array(np.float32(scale), f"{source}/scale")]
    constants += [numpy_helper.from_array(np.int8(zero_point), f"{source}/zero_point")]
    model.graph.initializer.extend(constants)
    numbers = [c.name for c in constants]
    return [
        helper.make_node("QuantizeLinear", [source, *numbers], [f"{source}/steps"], name=f"{source}/quantize"),
        helper.make_node("DequantizeLinear", [f"{source}/steps", *numbers], [output], name=f"{source}/dequantize"),
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_chain_with_pairs_inside_is_one_table(model: onnx.ModelProto, scheme: str, tmp_path: Path) -> None:
    """The pairs round inside of it, as ONNX Runtime does step by step."""
    quantized = with_pairs(model, scheme)
    found = compiled(quantized, tmp_path, scheme=scheme)
    exact = answers(quantized, {"x": every_input(found)})
    for number, (name, call) in enumerate(zip(CHAINS, tables(found))):
        expected = np.rint(steps(found, f"y{number}", exact[f"y{number}"]))
        np.testing.assert_array_equal(call.constant("table"), expected, err_msg=name)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_others_read_too_is_stored_once(scheme: str, tmp_path: Path) -> None:
    """A table behind a stored tensor begins with it; a product of two functions of x is one of x all the same."""
    net = Net("shared")
    x = net.input("x", 1, 256)
    gate = net.node("Sigmoid", x)
    for name, value in (("gate", gate), ("wave", net.node("Sin", gate)), ("product", net.node("Mul", x, gate))):
        net.output(value, name)
    found = compiled(quantized := with_pairs(net.model(), scheme), tmp_path, scheme=scheme)
    exact = answers(quantized, {"x": every_input(found)})
    ports = {port.name: port.tensor for port in (*found.plan.inputs, *found.plan.outputs)}
    calls = {call.outputs[0]: call for call in found.plan.calls}
    assert len(calls) == 3 and {call.function for call in calls.values()} == {"espdl_lookup_s8"}
    stored = calls[ports["wave"]].inputs[0]
    values = {ports["x"]: np.arange(-128, 128), stored: calls[stored].constant("table").astype(int)}
    assert [calls[t].inputs[0] for t in (stored, ports["product"])] == [ports["x"]] * 2
    for name in ("gate", "wave", "product"):
        call = calls.get(ports[name], calls[stored])
        got = call.constant("table")[values[call.inputs[0]] + 128]
        np.testing.assert_array_equal(got, np.rint(steps(found, name, exact[name])), err_msg=name)


def _layers(net: Net) -> dict[str, list[str]]:
    """Layers with functions behind them as outputs, and the tables that each needs."""
    image, signal = net.input("image", 1, 3, 6, 6), net.input("signal", 1, 3, 6)
    low, high = net.constant(-0.5), net.constant(1.5)

    def signal_conv() -> str:
        return net.node("Conv", signal, net.weights(4, 3, 3, inputs=9), net.constant(np.zeros(4)))

    needed = {
        "relu": (net.relu(net.conv(image, 4, 3)), 0),
        "clip": (net.node("Clip", net.conv(image, 4, 3), low, high), 0),
        "clip, tanh": (net.node("Tanh", net.node("Clip", net.conv(image, 4), low, high)), 1),
        "relu, sigmoid": (net.node("Sigmoid", net.relu(net.conv(image, 4, 3))), 1),
        "relu of a signal": (net.relu(signal_conv()), 0),
        "relu of a sum of signals": (net.relu(net.node("Add", net.relu(signal_conv()), signal_conv())), 0),
        "scaled": (net.node("Mul", net.conv(image, 4, 3), net.constant(0.3)), 0),
        "scaled in between": (net.conv(net.node("Div", net.relu(net.conv(image, 4, 3)), net.constant(8.0)), 2), 0),
        "relu again": (net.relu(net.node("MaxPool", net.relu(net.conv(image, 4)), kernel_shape=[2, 2])), 0),
    }
    for number, (value, _) in enumerate(needed.values()):
        net.output(value, f"y{number}")
    return {name: ["espdl_lookup_s8"] * tables for name, (_, tables) in needed.items()}


def test_layers_take_what_they_can(shared_folder: Path) -> None:
    """Clamping is part of a layer, and a product with a positive number, or a ReLU that changes nothing, no call."""
    (folder := shared_folder / "layers").mkdir()
    net = Net("layers")
    needed = _layers(net)
    onnx.save(proto := net.model(), folder / "net.onnx")
    inputs = samples_of(proto)
    np.savez(folder / "calibration.npz", **inputs)
    options = pipeline.Options(str(folder / "net.onnx"), "net", str(folder), str(folder / "calibration.npz"), taps=True)
    found = pipeline.compile_model(options)
    plan = found.plan
    for number, (name, tables) in enumerate(needed.items()):
        assert [f for f in functions_behind(plan, f"y{number}") if f == "espdl_lookup_s8"] == tables, name
    program = host.build(plan, found.files, "net", folder, flags=host.SANITIZERS)
    tensors = samples.to_tensors(plan, inputs)
    results = program.run(tensors, layers=True)
    assert compare.first_difference(plan, tensors, results) is None
    ours = samples.to_float(plan, results.outputs)
    theirs = [answers(proto, {k: v[i : i + 1] for k, v in inputs.items()}) for i in range(len(inputs["image"]))]
    for number, name in enumerate(needed):
        exact = np.stack([a[f"y{number}"] for a in theirs]).reshape(ours[f"y{number}"].shape)
        noise = np.square(exact - ours[f"y{number}"]).sum() / np.square(exact).sum()
        assert -10 * np.log10(noise) > 30, name


def functions_behind(plan: Plan, output: str) -> list[str]:
    """The functions that compute an output, from the input on."""
    makers = {name: call for call in plan.calls for name in call.outputs}
    tensor = next(p.tensor for p in plan.outputs if p.name == output)
    functions = []
    while True:
        while tensor not in makers and plan.tensor(tensor).alias_of is not None:
            tensor = plan.tensor(tensor).alias_of
        if tensor not in makers:
            return functions
        functions.append(makers[tensor].function)
        tensor = makers[tensor].inputs[0]


def samples_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    return {name: np.float32(random.standard_normal((32, *s[1:]))) for name, s in shapes.items()}

# SPDX-License-Identifier: CC0-1.0
"""Every pass, over Relax and over the graph of operators: it keeps what the network computes, and what it promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pass_models
import pytest
import relax_numpy
import small_models as small
import tvm
import tvm_ffi
from onnxruntime import GraphOptimizationLevel
from tvm import relax

from espdl import graph, partition, pipeline
from espdl.graph.types import OperatorGraph
from espdl.ops.numerics import quantize_value
from espdl.partition.composites import Composites
from espdl.partition.passes import GROUPS, INTEGERS
from espdl.partition.tvm_compat import attribute, op_name, variables
from espdl.passes import Pass
from espdl.plan.types import Plan
from espdl.verify import layerwise, reference, samples

# (io, input_layout): in each of them other passes have something to do.
FORMS = {
    "plain": ("int8", "model"),
    "camera": ("uint8", "nhwc"),
    "planes": ("uint8", "model"),
    "floats": ("float32", "model"),
}
RELAX = (*INTEGERS, *GROUPS)


@cache
def modules(name: str) -> tuple[list[tuple[str, tvm.IRModule]], Composites]:
    """The module after the import and after every pass, and what the last ones call."""
    model, options, _ = pass_models.quantized(name)
    steps: list[tuple[str, tvm.IRModule]] = []
    _, composites = partition.group(model, pipeline._accept(options.target), lambda *step: steps.append(step))
    return steps, composites


@cache
def graphs(name: str, form: str) -> list[tuple[str, OperatorGraph]]:
    """The graph of operators as it is extracted, and after every pass."""
    model, options, _ = pass_models.quantized(name)
    steps: list[tuple[str, Any]] = []
    partition.run(model, pipeline._accept(options.target), "net", *FORMS[form], lambda *step: steps.append(step))
    return [step for step in steps if isinstance(step[1], OperatorGraph)]


@cache
def expected(name: str) -> dict[str, np.ndarray]:
    """By ONNX Runtime without rewrites of its own: real numbers by output."""
    model, _, data = pass_models.quantized(name)
    return small.by_onnxruntime(model.proto, data, GraphOptimizationLevel.ORT_DISABLE_ALL)


def step_of(name: str, output: str) -> float:
    """The scale of an output, which comes out of a DequantizeLinear; 1 where it is integers in the model itself."""
    model, _, _ = pass_models.quantized(name)
    (node,) = (n for n in model.proto.graph.node if output in n.output)
    if node.op_type != "DequantizeLinear":
        return 1.0
    (scale,) = (t for t in model.proto.graph.initializer if t.name == node.input[1])
    return float(small.onnx.numpy_helper.to_array(scale).reshape(()))


@pytest.mark.parametrize("name", pass_models.NAMES)
def test_relax_computes_the_same_after_every_pass(name: str) -> None:
    """As ONNX Runtime does, but for a step of the output: sums are rounded elsewhere, and so are folded scales."""
    steps, composites = modules(name)
    _, _, data = pass_models.quantized(name)
    assert [title for title, _ in steps] == ["import", *(p.name for p in RELAX)]
    before = None
    for title, module in steps:
        relax.analysis.well_formed(module)
        if before is not None and tvm_ffi.structural_equal(before, module):
            continue
        before = module
        for index in range(pass_models.SAMPLES):
            results = relax_numpy.run(module, {n: v[index] for n, v in data.items()}, composites.functions)
            for result, (output, values) in zip(results, expected(name).items(), strict=True):
                steps_off = np.abs(result.astype(np.float64) - values[index]).max() / step_of(name, output)
                assert steps_off < 1.001, f"after {title}, {output} is {steps_off:.2f} steps off"


# Passes before which no backend could have the operators: kernels have one image, ports have a scale.
BEGINS = {"images": "split_batches", "rescaled": "port_scales"}
FORMED = [
    *((name, "plain") for name in pass_models.NAMES),
    ("concatenation", "camera"),
    ("concatenation", "planes"),
    ("resized", "floats"),
]


@pytest.mark.parametrize(("name", "form"), FORMED)
def test_operators_compute_the_same_after_every_pass(name: str, form: str) -> None:
    """By the operators' references: every layer as in ONNX Runtime, and the outputs but for a step per layer before."""
    model, options, data = pass_models.quantized(name)
    steps = graphs(name, form)
    assert [title for title, _ in steps] == ["extract", *(p.name for p in graph.PASSES)]
    if name in BEGINS:
        steps = steps[[title for title, _ in steps].index(BEGINS[name]) :]
    before, compared = "", 0
    for title, operators in steps:
        if str(operators) == before:
            continue
        before = str(operators)
        plan = pipeline.make_plan(operators, options.target)
        layers = layerwise.compare(model, plan, data)
        compared += len(layers)
        assert all(layer.is_right for layer in layers), f"after {title}: {[str(x) for x in layers if not x.is_right]}"
        for output, steps_off in outputs_off(plan, data, expected(name)).items():
            assert steps_off <= len(plan.calls), f"after {title}, {output} is {steps_off} steps off"
    assert compared > 0 or name == "images"  # whose tensors ONNX Runtime has not


def outputs_off(plan: Plan, data: Mapping[str, np.ndarray], exact: Mapping[str, np.ndarray]) -> dict[str, float]:
    """By output the largest distance of the references from ONNX Runtime in integers."""
    tensors, worst = samples.to_tensors(plan, data), dict.fromkeys(exact, 0.0)
    for index in range(pass_models.SAMPLES):
        run = reference.run(plan, {name: values[index] for name, values in tensors.items()})
        for port in plan.outputs:
            tensor, real = plan.tensor(port.tensor), exact[port.name][index]
            wanted = real if tensor.scale is None else quantize_value(real, tensor)
            off = np.abs(wanted.reshape(tensor.shape).astype(np.float64) - run[port.tensor]).max()
            worst[port.name] = max(worst[port.name], float(off))
    return worst


def _again(step: Pass) -> Callable[[Any, Any], bool]:
    """A fact that holds where its pass finds nothing to do."""
    return lambda value, context: tvm_ffi.structural_equal(step.run(value, context), value)


def _again_on_operators(step: Pass) -> Callable[[OperatorGraph, graph.GraphOptions], bool]:
    return lambda value, options: str(step.run(value, options)) == str(value)


def _calls(module: tvm.IRModule) -> list[Any]:
    return [b.value for block in module["main"].body.blocks for b in block.bindings]


def _is_channels_last(module: tvm.IRModule, _: Composites) -> bool:
    names = {"relax.nn.conv2d": "data_layout", "relax.nn.max_pool2d": "layout", "relax.nn.avg_pool2d": "layout"}
    return all(attribute(c, names[op_name(c)]) == "NHWC" for c in _calls(module) if op_name(c) in names)


def _has_one_dequantize_each(module: tvm.IRModule, _: Composites) -> bool:
    main = module["main"]
    read = [v for value in (*_calls(module), main.body.body) for v in variables(value)]
    made = {b.var for block in main.body.blocks for b in block.bindings if op_name(b.value) == "relax.dequantize"}
    return all(read.count(variable) == 1 for variable in made)


def _is_grouped(module: tvm.IRModule, composites: Composites, at_border: bool) -> bool:
    again = Composites(composites.names, composites.accept)
    return tvm_ffi.structural_equal(again.group(module, at_border), module, map_free_vars=True)


def _is_opaque(module: tvm.IRModule, _: Composites) -> bool:
    functions = [module[c.op] for c in _calls(module) if isinstance(getattr(c, "op", None), tvm.ir.GlobalVar)]
    return not any(f.attrs and "Composite" in f.attrs for f in functions)


def _is_fused(module: tvm.IRModule, _: Composites) -> bool:
    """No operator of main computes in floats; those that convert may."""
    boundary = ("relax.quantize", "relax.dequantize", "relax.call_dps_packed")
    floats = [c for c in _calls(module) if isinstance(c, tvm.ir.Call) and "float" in str(c.ty)]
    return all(op_name(c) in boundary or isinstance(c.op, tvm.ir.GlobalVar) for c in floats)


BY_NAME = {p.name: p for p in (*RELAX, *graph.PASSES)}
FACTS: dict[str, Callable[[Any, Any], bool]] = {
    "reshapes": _again(BY_NAME["reshapes"]),
    "one_quantize": _again(BY_NAME["one_quantize"]),
    "tables": _again(BY_NAME["tables"]),
    "one_scale": _again(BY_NAME["one_scale"]),
    "integer_moves": _again(BY_NAME["data_movement"]),
    "folded": _again(BY_NAME["fold_requantize"]),
    "integer_selections": _again(BY_NAME["selections"]),
    "channels_last": _is_channels_last,
    "one_dequantize": _has_one_dequantize_each,
    "composites": lambda module, composites: _is_grouped(module, composites, False),
    "conversions": lambda module, composites: _is_grouped(module, composites, True),
    "opaque": _is_opaque,
    "fused": _is_fused,
} | {fact: _again_on_operators(p) for p in graph.PASSES for fact in p.leaves}


@pytest.mark.parametrize("passes", [RELAX, graph.PASSES], ids=["relax", "operators"])
def test_lists_of_passes_say_what_they_need(passes: Sequence[Pass]) -> None:
    """What a pass needs was left before it; none runs that would find all done; nothing stays undone."""
    facts: set[str] = set()
    for step in passes:
        assert facts.issuperset(step.needs), f"{step.name} needs {set(step.needs) - facts}"
        assert not facts.issuperset(step.leaves), f"nothing undid what {step.name} leaves"
        facts = facts - set(step.undoes) | set(step.leaves)
    assert facts <= set(FACTS)


@pytest.mark.parametrize("name", pass_models.NAMES)
def test_passes_keep_their_promises(name: str) -> None:
    """After every pass all facts hold that it left, and all from before that it does not say it undoes."""
    steps, composites = modules(name)
    options = graph.GraphOptions(composites.accept)
    facts: set[str] = set()
    assert (options.io, options.input_layout) == FORMS["plain"]
    for step, (title, module) in zip(RELAX, steps[1:], strict=True):
        facts = facts - set(step.undoes) | set(step.leaves)
        wrong = [fact for fact in sorted(facts) if not FACTS[fact](module, composites)]
        assert not wrong, f"after {title}: {wrong}"
    facts = set()
    for step, (title, operators) in zip(graph.PASSES, graphs(name, "plain")[1:], strict=True):
        facts = facts - set(step.undoes) | set(step.leaves)
        wrong = [fact for fact in sorted(facts) if not FACTS[fact](operators, options)]
        assert not wrong, f"after {title}: {wrong}"


def test_every_pass_has_something_to_do() -> None:
    """In at least one of the networks: what never changes anything is not tested by them. What streams alone have is
    tested with them, in tests/streams."""
    busy = set()
    for name in pass_models.NAMES:
        steps, _ = modules(name)
        busy |= {b for (_, x), (b, y) in zip(steps, steps[1:]) if not tvm_ffi.structural_equal(x, y)}
    for name, form in FORMED:
        steps = graphs(name, form)
        busy |= {b for (_, x), (b, y) in zip(steps, steps[1:]) if str(x) != str(y)}
    assert busy == set(BY_NAME) - {"time_first"}

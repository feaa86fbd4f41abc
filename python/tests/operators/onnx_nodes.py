# SPDX-License-Identifier: CC0-1.0
"""The node tests that come with ONNX, as models to compile with PRECISION float32 and to run in C."""

from __future__ import annotations

import fnmatch
import re
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from espdl import pipeline
from espdl.verify import host

EXCLUSIONS = Path(__file__).with_name("onnx_nodes_excluded.txt")
TYPES = {TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL}
# Inputs that decide the shape of an output, and the weights of recurrent layers. Every exporter makes them constants,
# and so do these tests.
CONSTANTS = {
    "AffineGrid": (1,), "CenterCropPad": (1,), "Col2Im": (1, 2), "ConstantOfShape": (0,), "CumProd": (1,),
    "CumSum": (1,), "DFT": (1, 2), "Dropout": (1, 2), "Expand": (1,), "GRU": (1, 2, 3), "LSTM": (1, 2, 3, 7),
    "MaxUnpool": (2,), "OneHot": (1, 2), "Pad": (1, 2, 3), "RNN": (1, 2, 3), "Range": (0, 1, 2), "Reshape": (1,),
    "Resize": (1, 2, 3), "STFT": (1, 3), "Slice": (1, 2, 3, 4), "Split": (1,), "Squeeze": (1,), "Tile": (1,),
    "TopK": (1,), "Trilu": (1,), "Unsqueeze": (1,), "Upsample": (1,),
    **{f"Reduce{r}": (1,) for r in "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare".split()},
}  # fmt: skip
MINIMUM_OPSET, MAXIMUM_OPSET = 13, 25


@dataclass(frozen=True)
class Case:
    """A model with inputs and what it must answer within rtol and atol."""

    name: str
    model: onnx.ModelProto
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    rtol: float
    atol: float


@cache
def cases() -> dict[str, Case]:
    """All node tests whose inputs and outputs are float32, int64 or bool tensors of static shape, by name."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, about the tests' own data
        collected = collect_testcases(None)
    eligible = {c.name: c for c in sorted(collected, key=lambda c: c.name) if _eligible(c.model)}
    constants = {name: _constants(c.model) for name, c in eligible.items()}
    return {name: _case(c, constants.get(_original(name), set())) for name, c in eligible.items()}


def _original(name: str) -> str:
    """The test of the operator itself, for one of the functions that define it."""
    return re.sub(r"_expanded(_ver\d+)?$", "", name)


def _constants(model: onnx.ModelProto) -> set[str]:
    """The inputs that are to be constants."""
    return {n.input[i] for n in model.graph.node for i in CONSTANTS.get(n.op_type, ()) if len(n.input) > i}


def _eligible(model: onnx.ModelProto) -> bool:
    if any(node.domain not in ("", "ai.onnx") for node in model.graph.node) or not model.graph.node:
        return False
    ports = [*model.graph.input, *model.graph.output]
    tensors = all(p.type.HasField("tensor_type") and p.type.tensor_type.elem_type in TYPES for p in ports)
    return tensors and all(
        d.HasField("dim_value") and d.dim_value > 0 for p in ports for d in p.type.tensor_type.shape.dim
    )


def _case(collected, constants: set[str]) -> Case:
    model = onnx.ModelProto()
    model.CopyFrom(collected.model)
    inputs, outputs = (
        {
            p.name: v if isinstance(v, np.ndarray) else numpy_helper.to_array(v) if hasattr(v, "dims") else np.array(v)
            for p, v in zip(ports, values)
        }
        for ports, values in zip((model.graph.input, model.graph.output), collected.data_sets[0])
    )
    _set_opset(model)
    for name in constants & set(inputs):
        model.graph.initializer.append(numpy_helper.from_array(inputs.pop(name), name))
    kept = [i for i in model.graph.input if i.name in inputs]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return Case(collected.name, model, inputs, outputs, collected.rtol, max(collected.atol, 1e-6))


def _set_opset(model: onnx.ModelProto) -> None:
    """The oldest opset from MINIMUM_OPSET on in which the operators mean what they mean in the model's."""
    version = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    if version <= MAXIMUM_OPSET:
        return
    since = [onnx.defs.get_schema(n.op_type, version, n.domain).since_version for n in model.graph.node]
    if max(since) > MAXIMUM_OPSET and all(onnx.defs.has(n.op_type, MAXIMUM_OPSET, n.domain) for n in model.graph.node):
        since = [MAXIMUM_OPSET]  # what the newest opset adds is types
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx"):
            opset.version = max(MINIMUM_OPSET, *since)
    model.ir_version = min(model.ir_version, 10)


def exclusions() -> dict[str, str]:
    """Test -> why it is left out, from the list beside this file. AssertionError for a line that names no test."""
    found: dict[str, str] = {}
    for line in EXCLUSIONS.read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, reason = line.split(": ", 1)
            named = fnmatch.filter(cases(), pattern)
            names = [name for name in named if ("_expanded" in name) == ("_expanded" in pattern)]
            assert names, f"no test is called {pattern}"
            found |= {name: found.get(name, reason) for name in names}
    return found


def run(case: Case, folder: Path) -> None:
    """Compiles the model, builds it with sanitizers, runs it; raises where the answer is wrong.

    The runtime is compiled into `folder` once, for all cases that share it.
    """
    out = folder / case.name
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(case.model, out / "net.onnx")
    options = pipeline.Options(str(out / "net.onnx"), "net", str(out), precision="float32", io="float32")
    compilation = pipeline.compile_model(options)
    program = host.build(compilation.plan, compilation.files, "net", out, flags=host.SANITIZERS)
    feeds = {
        p.name: np.ascontiguousarray(case.inputs[p.name], compilation.plan.tensor(p.tensor).dtype)[np.newaxis]
        for p in compilation.plan.inputs
    }
    results = program.run(feeds).outputs
    for name, expected in case.outputs.items():
        got = results[name].reshape(expected.shape)
        np.testing.assert_allclose(got, expected, rtol=case.rtol, atol=case.atol, err_msg=f"{case.name}: {name}")

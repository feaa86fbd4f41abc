# SPDX-License-Identifier: Apache-2.0
"""What no backend takes: lowered by TVM, printed as C, described as a fallback operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import relax

from espdl import traits
from espdl.errors import EspdlError, Node, present
from espdl.ops.fallback import Fallback
from espdl.ops.operator import operators
from espdl.partition.composites import Composites
from espdl.partition.fallback import CKernel, Lowered, lower
from espdl.partition.importer import OnnxNames
from espdl.partition.scales import per_tensor
from espdl.partition.tvm_compat import bindings, is_constant, op_name
from espdl.plan.types import Tensor
from espdl.quantization import Quantization


@dataclass(frozen=True)
class Unmatched:
    """A module with the operators `lowered` that no backend takes.

    `scales`: of what the fallback quantises, by variable of main and number of the result.
    """

    lowered: Lowered
    scales: dict[tuple[str, int], Quantization]


def lower_unmatched(module: tvm.IRModule, prefix: str, names: OnnxNames, label: str) -> Unmatched:
    """Raises EspdlError with the ONNX node where TVM cannot lower an operator."""
    try:
        return Unmatched(lower(module, prefix), _scales(module))
    except EspdlError as error:
        if error.node is None:
            raise
        node = names.node(error.node.name)
        raise EspdlError.at(label, Node(*node) if node else error.node, error.why, error.remedy) from error


def _scales(module: tvm.IRModule) -> dict[tuple[str, int], Quantization]:
    """See `Unmatched`. Names do not tell: a tensor can be quantised in several ways, each for a consumer of its own."""
    found: dict[tuple[str, int], Quantization] = {}
    for binding in bindings(module["main"]):
        call, results = binding.value, [binding.value]
        if isinstance(call, tvm.ir.Call) and isinstance(call.op, tvm.ir.GlobalVar):
            function = module[call.op]
            definitions = relax.analysis.get_var2val(function)
            body = definitions.get(function.body.body, function.body.body)
            fields = body.fields if isinstance(body, relax.Tuple) else [function.body.body]
            results = [definitions.get(f, f) if isinstance(f, tvm.ir.Var) else f for f in fields]
        for number, result in enumerate(results):
            if op_name(result) == "relax.quantize" and (known := per_tensor(result)) is not None:
                found[binding.var.name, number] = known
    return found


def fallback(
    lowered: Lowered, composites: Composites, variable: Any, call: Any, name: Callable, outputs: Sequence[Tensor]
) -> Fallback:
    """The operator for a call_tir of a lowered module. `name(variable)` is the tensor of an argument."""
    kernel = lowered.kernels[call.args[0].name_hint]
    arguments = list(call.args[1].fields)
    members = lowered.members[variable.name]
    names = composites.names
    nodes = [node for node in map(names.node, members) if node]
    declined = [reason for member in members for reason in composites.reasons.get(names.key(member), ())]
    if composites.quantized and not declined:
        keys = dict.fromkeys(names.key(member) for member in members if names.node(member))
        declined = [_why_floats(present(names.node(key))[1], composites.failed.get(key, "")) for key in keys]
        declined = declined or ["not all tensors around it are quantised"]
    function, functions = _functions(kernel, arguments)
    return Fallback(
        inputs=tuple(
            Tensor(name(a), tuple(int(d) for d in a.ty.shape.values), str(a.ty.dtype.dtype))
            for a in arguments
            if not is_constant(a)
        ),
        outputs=tuple(outputs),
        source_nodes=tuple(dict.fromkeys(node[0] for node in nodes)),
        function=function,
        functions=functions,
        constants=tuple(a.value.numpy() for a in arguments if is_constant(a)),
        scratch_bytes=kernel.scratch_bytes,
        exact=not kernel.uses_libm,
        reasons=tuple(dict.fromkeys(declined)),
    )


def _why_floats(kind: str, failed: str) -> str:
    """Why a node of an ONNX operator computes in floats where no kernel declined it. `failed`: see `reasons`."""
    failed = failed or "not all tensors around it are quantised"
    if kind == "Div":
        return f"Div has an integer form by a constant only, and {failed}"
    if traits.of(kind).is_alias or any(kind in operator.onnx for operator in operators().values()):
        return f"{kind} has an integer form, but {failed}"
    return f"{kind} has no integer form"


def _functions(kernel: CKernel, arguments: Sequence[Any]) -> tuple[str, dict[str, str]]:
    """The function to call, and all texts it needs. The order of its arguments is that of all kernels (inputs,
    constants, outputs, one scratch block); where the kernel's own differs, a function in between puts it right."""
    functions = {f"helper {text.splitlines()[0]}": text for text in kernel.helpers}
    functions[kernel.name] = kernel.source
    kinds = [is_constant(a) for a in arguments]
    if kinds == sorted(kinds) and len(kernel.workspace_bytes) <= 1:
        return kernel.name, functions
    inputs = [p for p in kernel.parameters if p.role == "input"]
    ordered = [p for p, k in zip(inputs, kinds) if not k] + [p for p, k in zip(inputs, kinds) if k]
    ordered += [p for p in kernel.parameters if p.role == "output"]
    declared = [f"{'const ' if p.const else ''}{p.c_type} *{p.name}" for p in ordered]
    offsets = iter(kernel.workspace_offsets)
    passed = [
        f"({p.c_type} *)(void *)(scratch + {next(offsets)})" if p.role == "workspace" else p.name
        for p in kernel.parameters
    ]
    if kernel.workspace_bytes:
        declared.append("uint8_t *scratch")
    # One kernel may be called with other arguments constant: each order has a function of its own.
    name = f"{kernel.name}_call_{''.join('c' if kind else 't' for kind in kinds)}"
    functions[name] = f"static void {name}({', '.join(declared)})\n{{\n    {kernel.name}({', '.join(passed)});\n}}\n"
    return name, functions

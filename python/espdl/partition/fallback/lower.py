# SPDX-License-Identifier: Apache-2.0
"""Lowers the operators that no backend takes: relax operators to loops, loops to C functions."""

from __future__ import annotations

from dataclasses import dataclass

import tvm
from tvm import relax, s_tir, tirx
from tvm.target import Target

from espdl.errors import EspdlError
from espdl.partition.fallback.kernel import CKernel
from espdl.partition.fallback.legalize import legalizations
from espdl.partition.fallback.printer import print_kernel
from espdl.partition.fallback.schedule import schedule

NAME_LENGTH = 40
"""Longest part of a kernel's name that comes from its operators; fused chains would have names of hundreds of letters."""

_ALLOWED = {"relax.call_tir", "relax.call_dps_packed", "relax.reshape"}


@dataclass(frozen=True)
class Lowered:
    """A lowered module.

    `module["main"]` binds only `call_tir`, `call_dps_packed`, `reshape`, tuples and constants. A `call_tir` of the global
    `g` calls `kernels[g]` with the call's arguments, then its results, then workspaces.
    """

    module: tvm.IRModule
    kernels: dict[str, CKernel]


def lower(module: tvm.IRModule, prefix: str = "") -> Lowered:
    """Lowers every operator of `main`; `call_dps_packed` and functions marked "Primitive" are kept as they are grouped.

    `prefix` begins the name of every C function. Shapes must be static. Raises EspdlError, naming the operator, where TVM
    has no lowering for it or C cannot express it.
    """
    module = _lower_operators(module)
    inputs = _check(module["main"])
    functions = {g.name_hint: f for g, f in module.functions.items() if isinstance(f, tirx.PrimFunc)}
    names = _names(sorted(functions), prefix)
    loops = _lower_loops(functions)
    kernels = {g: print_kernel(loops[g], names[g], inputs[g], prefix) for g in sorted(functions)}
    return Lowered(module, kernels)


def _lower_operators(module: tvm.IRModule) -> tvm.IRModule:
    """Relax operators to TIR functions, neighbours fused; reshape stays, it is only another view of the same memory."""
    passes = [
        relax.transform.DecomposeOpsForInference(),
        relax.transform.LegalizeOps(legalizations(), skip_ops=["relax.reshape"]),
        relax.transform.FoldConstant(),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
        relax.transform.DeadCodeElimination(),
        relax.transform.CanonicalizeBindings(),
    ]
    return tvm.ir.transform.Sequential(passes)(module)


def _lower_loops(functions: dict[str, tirx.PrimFunc]) -> dict[str, tirx.PrimFunc]:
    """Scheduled, flat, without blocks: what the printer understands."""
    passes = [
        tirx.transform.BindTarget(Target("c")),
        s_tir.transform.CanonicalizeLoop(),
        s_tir.transform.LowerInitBlock(),
        s_tir.transform.PlanAndUpdateBufferAllocationLocation(),
        s_tir.transform.ConvertBlocksToOpaque(),
        s_tir.transform.CompactBufferAllocation(),
        s_tir.transform.LowerMatchBuffer(),
        s_tir.transform.StmtSimplify(),
        s_tir.transform.LowerOpaqueBlock(),
        tirx.transform.FlattenBuffer(),
        tirx.transform.NarrowDataType(32),
        tirx.transform.VectorizeLoop(False),
        tirx.transform.StorageRewrite(),
        tirx.transform.StmtSimplify(),
        tirx.transform.RemoveNoOp(),
        tirx.transform.CommonSubexprElim(),
        tirx.transform.LowerIntrin(),
    ]
    module = tvm.IRModule({name: schedule(_at_offset_zero(function)) for name, function in functions.items()})
    module = tvm.ir.transform.Sequential(passes)(module)
    return {g.name_hint: f for g, f in module.functions.items()}


def _at_offset_zero(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """Tensors are passed by the address of their first element; some operators leave the offset open."""
    open_ones = [p for p in function.params if not isinstance(p.ty.elem_offset, tirx.IntImm)]
    return function.specialize({p: tirx.decl_buffer(p.ty.shape, p.ty.dtype, p.name) for p in open_ones})


def _names(globals_: list[str], prefix: str) -> dict[str, str]:
    """A distinct C name for each global function, not longer than C guarantees to tell apart."""
    names: dict[str, str] = {}
    for name in globals_:
        base = short = prefix + name[:NAME_LENGTH].rstrip("_")
        number = 1
        while short in names.values():
            number += 1
            short = f"{base}_{number}"
        names[name] = short
    return names


def _check(main: relax.Function) -> dict[str, int]:
    """Number of inputs of each TIR function that `main` calls; raises on whatever has not been lowered."""
    inputs: dict[str, int] = {}
    for block in main.body.blocks:
        for binding in block.bindings:
            name, value = binding.var.name, binding.value
            _check_static(name, binding.var.ty)
            if not isinstance(value, relax.Call):
                continue
            operator = value.op.name if isinstance(value.op, tvm.ir.Op) else "a call to another function"
            if operator not in _ALLOWED:
                raise EspdlError(
                    f"'{name}' ({operator.removeprefix('relax.')})",
                    "no backend takes this operator and it has no lowering to plain loops",
                    "replace the operator in the model, or cut the graph before it",
                )
            if operator == "relax.call_tir":
                inputs[value.args[0].name_hint] = len(value.args[1].fields)
    return inputs


def _check_static(name: str, ty: tvm.ir.Type) -> None:
    fields = ty.fields if isinstance(ty, tvm.ir.TupleType) else [ty]
    for field in fields:
        shape = getattr(field, "shape", None)
        if isinstance(field, relax.TensorType) and not (
            isinstance(shape, relax.ShapeExpr) and all(isinstance(d, tirx.IntImm) for d in shape.values)
        ):
            raise EspdlError(
                f"'{name}'",
                "its shape depends on the values of the input, and the generated C has only static shapes",
                "export the model with fixed shapes, or cut the graph before this tensor",
            )

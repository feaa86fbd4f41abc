# SPDX-License-Identifier: Apache-2.0
"""Lowers the operators that no backend takes: relax operators to loops, loops to C functions."""

from __future__ import annotations

from dataclasses import dataclass

import tvm
from tvm import relax, s_tir, tirx
from tvm.target import Target

from espdl.errors import EspdlError, Node
from espdl.fresh import FreshNames
from espdl.partition.fallback.fuse import LARGEST_REGION
from espdl.partition.fallback.kernel import CKernel
from espdl.partition.fallback.legalize import legalizations
from espdl.partition.fallback.loop_buffers import hold
from espdl.partition.fallback.printer import print_kernel
from espdl.partition.fallback.schedule import schedule
from espdl.partition.fallback.starts import infinite_starts
from espdl.partition.spans import named_calls, original_name
from espdl.partition.tvm_compat import bindings, op_name

NAME_LENGTH = 40
"""Longest part of a kernel's name that comes from its operators; the names of fused chains have hundreds of letters."""

_ALLOWED = {"relax.call_tir", "relax.call_dps_packed", "relax.reshape"}


@dataclass(frozen=True)
class Lowered:
    """A lowered module.

    `module["main"]` binds only `call_tir`, `call_dps_packed`, `reshape`, tuples and constants. A `call_tir` of the
    global `g` calls `kernels[g]` with the call's arguments, then its results, then workspaces. `members` tells, for the
    variable of each `call_tir`, which variables of the module before lowering it computes (passes may have appended
    digits).
    """

    module: tvm.IRModule
    kernels: dict[str, CKernel]
    members: dict[str, tuple[str, ...]]


def lower(module: tvm.IRModule, prefix: str) -> Lowered:
    """Lowers every operator of `main`; `call_dps_packed` and functions marked "Primitive" are kept as they are grouped.

    `prefix` begins the name of every C function; it may not be empty, a kernel called exp would clash with <math.h>.
    Shapes must be static. Raises EspdlError, naming the operator, where TVM has no lowering for it or C cannot express
    it.
    """
    _check_static(module["main"])
    grouped = _group(module)
    members = _members(grouped)
    module = _merge_groups(grouped)
    inputs = _check_lowered(module["main"])
    functions = {g.name_hint: f for g, f in module.functions.items() if isinstance(f, tirx.PrimFunc)}
    names = _names(sorted(functions), prefix)
    loops = _lower_loops(functions)
    kernels = {g: print_kernel(loops[g], names[g], inputs[g], prefix) for g in sorted(functions)}
    calls = [b.var.name for b in bindings(module["main"]) if op_name(b.value) == "relax.call_tir"]
    return Lowered(module, kernels, {name: members.get(name, (name,)) for name in calls})


def _group(module: tvm.IRModule) -> tvm.IRModule:
    """Relax operators to TIR functions, neighbours in one "Primitive" function; reshape stays, a view of its input."""
    to_tir = [
        relax.transform.DecomposeOpsForInference(),
        relax.transform.LegalizeOps(legalizations(), skip_ops=["relax.reshape"]),
        relax.transform.FoldConstant(),
        relax.transform.DeadCodeElimination(),
        relax.transform.AnnotateTIROpPattern(),
    ]
    module = tvm.ir.transform.Sequential(to_tir)(module)
    for variable, function in module.functions.items():
        if isinstance(function, tirx.PrimFunc):
            module[variable] = _plain_parameters(function)
    with tvm.ir.transform.PassContext(config={"relax.FuseOps.max_depth": LARGEST_REGION}):
        return relax.transform.FuseOps()(named_calls(module))


def _plain_parameters(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """Tensors are passed by the address of their first element, row major; some operators leave that open."""
    special = [p for p in function.params if p.ty.layout is not None or not isinstance(p.ty.elem_offset, tirx.IntImm)]
    plain = {p: tirx.decl_buffer(p.ty.shape, p.ty.dtype, p.name, layout=None) for p in special}
    return function.specialize(plain) if plain else function


def _merge_groups(module: tvm.IRModule) -> tvm.IRModule:
    """Each group becomes one TIR function."""
    passes = [
        relax.transform.FuseTIR(),
        relax.transform.DeadCodeElimination(),
        relax.transform.CanonicalizeBindings(),
    ]
    return tvm.ir.transform.Sequential(passes)(module)


def _members(module: tvm.IRModule) -> dict[str, tuple[str, ...]]:
    """Variable of main to the variables inside of the function it calls; a copy of a variable has that one's.

    Opaque calls have none, and their variables may have a name that another variable has.
    """
    members: dict[str, tuple[str, ...]] = {}
    for binding in bindings(module["main"]):
        name, value = binding.var.name, binding.value
        if isinstance(value, tvm.ir.Var):
            members[name] = members.get(value.name, ())
        elif isinstance(value, relax.Call) and isinstance(value.op, tvm.ir.GlobalVar):
            members[name] = tuple(original_name(inner) for inner in bindings(module[value.op]))
        elif isinstance(value, relax.Call) and op_name(value) != "relax.call_dps_packed":
            members[name] = (original_name(binding),)
    return members


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
        _storage_rewrite,
        tirx.transform.StmtSimplify(),
        tirx.transform.RemoveNoOp(),
        tirx.transform.CommonSubexprElim(),
        tirx.transform.LowerIntrin(),
    ]
    module = tvm.IRModule({name: hold(schedule(infinite_starts(function))) for name, function in functions.items()})
    module = tvm.ir.transform.Sequential(passes)(module)
    return {g.name_hint: f for g, f in module.functions.items()}


@tirx.transform.prim_func_pass(opt_level=0)
def _storage_rewrite(function: tirx.PrimFunc, module: tvm.IRModule, _: tvm.transform.PassContext) -> tirx.PrimFunc:
    """Memory is used again by tensors of the same type only, which C demands: TVM keeps to that for such targets."""
    target = function.attrs["target"]
    strict = tvm.IRModule({"main": function.with_attr("target", Target("vulkan"))})
    return tirx.transform.StorageRewrite()(strict)["main"].with_attr("target", target)


def _names(globals_: list[str], prefix: str) -> dict[str, str]:
    """A distinct C name for each global function, not longer than C guarantees to tell apart."""
    fresh = FreshNames()
    return {name: fresh.unique(prefix + name[:NAME_LENGTH].rstrip("_")) for name in globals_}


def _node(binding: relax.Binding) -> Node:
    operator = op_name(binding.value) or type(binding.value).__name__
    return Node(original_name(binding), operator.removeprefix("relax."))


def _check_static(main: relax.Function) -> None:
    for binding in bindings(main):
        ty = binding.var.ty
        for tensor in ty.fields if isinstance(ty, tvm.ir.TupleType) else [ty]:
            shape = getattr(tensor, "shape", None)
            static = isinstance(shape, relax.ShapeExpr) and all(isinstance(d, tirx.IntImm) for d in shape.values)
            if isinstance(tensor, relax.TensorType) and not static:
                raise EspdlError.at(
                    "",
                    _node(binding),
                    "its shape depends on the values of the input, and the generated C has only static shapes",
                    "export the model with fixed shapes, or cut the graph before this operator",
                )


def _check_lowered(main: relax.Function) -> dict[str, int]:
    """Number of inputs of each TIR function that `main` calls; raises on whatever has not been lowered."""
    inputs: dict[str, int] = {}
    for binding in bindings(main):
        if isinstance(binding.value, relax.Call) and op_name(binding.value) not in _ALLOWED:
            raise EspdlError.at(
                "",
                _node(binding),
                "no backend takes this operator and it has no lowering to plain loops",
                "replace the operator in the model, or cut the graph before it",
            )
        if op_name(binding.value) == "relax.call_tir":
            inputs[binding.value.args[0].name_hint] = len(binding.value.args[1].fields)
    return inputs

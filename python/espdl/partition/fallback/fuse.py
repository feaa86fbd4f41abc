# SPDX-License-Identifier: Apache-2.0
"""Groups float operators with the Q/DQ around them, so that what lies between kernels is int8.

An operator that no backend takes stands in the graph as dequantize, operator, quantize. Lowered one by one, float
tensors of four times the size would lie in the arena. Here everything that float tensors connect becomes one function,
which lowers to one kernel from int8 to int8; its floats are numbers or rows inside of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tvm
from tvm import relax, topi

from espdl.partition import deep
from espdl.partition.tvm_compat import bindings, op_name, variables
from espdl.passes import Pass

_BOUNDARY = {"relax.call_dps_packed", "relax.dequantize"}

LARGEST_REGION = 32
"""Nodes of a region at most: TVM and the printer walk the expression of a kernel recursively, on their stacks."""


def fuse_quantized(module: tvm.IRModule) -> tvm.IRModule:
    """`module` with every float region of `main` that touches a Q or DQ as one function marked "Primitive".

    A dequantize joins each region that reads it. Regions are as large as float tensors connect them, unless a region
    would then need a result that is computed from its own. Float regions without Q/DQ stay as they are: nothing is
    gained. None is larger than LARGEST_REGION.
    """
    return relax.transform.DeadCodeElimination()(_Builder(module, _Graph(module["main"])).build())


PASS: Pass[tvm.IRModule, Any] = Pass(
    "fuse_quantized", lambda module, _: fuse_quantized(module), needs=("opaque",), leaves=("fused",)
)


def _number(value: relax.Expr) -> relax.Expr:
    """The dequantize of a number as a number: TVM folds it after the operators have become loops, and loops take only
    those constants as numbers that they saw as such."""
    arguments = value.args if op_name(value) == "relax.dequantize" else ()
    if not arguments or not all(isinstance(a, tvm.ir.GenericConst) and a.ty.ndim == 0 for a in arguments):
        return value
    quantized, scale, zero_point = (a.value.numpy() for a in arguments)
    return relax.const(np.float32(quantized.astype(np.int64) - zero_point) * np.float32(scale), "float32")


def _short_name(call: relax.Call) -> str:
    name = op_name(call)
    return call.args[0].name_hint if name == "relax.call_tir" else name.split(".")[-1]


def _is_float(ty: tvm.ir.Type) -> bool:
    if isinstance(ty, tvm.ir.TupleType):
        return any(_is_float(field) for field in ty.fields)
    return isinstance(ty, relax.TensorType) and str(ty.dtype.dtype).startswith("float")


@dataclass(eq=False)
class _Node:
    """A binding of main. `group`: the nodes that become one function together, itself included."""

    position: int
    variable: relax.Var
    value: relax.Expr
    inputs: list[_Node]
    group: list[_Node] = field(default_factory=list)

    @property
    def is_member(self) -> bool:
        """Whether it computes on floats; what only produces or hands on the boundary's tensors does not."""
        operator = op_name(self.value)
        if isinstance(self.value, tvm.ir.TupleGetItem):
            return any(node.is_member for node in self.inputs)
        if not operator or operator in _BOUNDARY:
            return False
        return _is_float(self.variable.ty) or any(_is_float(v.ty) for v in variables(self.value))


class _Graph:
    """Main as nodes, those of one float region in one group."""

    def __init__(self, main: relax.Function):
        self.main = main
        self.nodes: list[_Node] = []
        self.of: dict[relax.Var, _Node] = {}
        copies: dict[relax.Var, relax.Expr] = {}
        for binding in bindings(main):
            value = _substitute(binding.value, copies)
            if op_name(value) == "relax.shape_of":  # static, so it does not read the tensor
                value = relax.ShapeExpr(binding.var.ty.values)
            value = _number(value)
            if isinstance(value, (tvm.ir.Var, relax.ShapeExpr, tvm.ir.GenericConst)):
                copies[binding.var] = value
                continue
            node = _Node(len(self.nodes), binding.var, value, [self.of[v] for v in variables(value) if v in self.of])
            node.group = [node]
            self.of[binding.var] = node
            self.nodes.append(node)
            if node.is_member:
                self._join(node)
        self.result = _substitute(main.body.body, copies)
        self.outputs = set(variables(self.result))
        self.consumers: dict[int, list[_Node]] = {}
        for node in self.nodes:
            for producer in node.inputs:
                self.consumers.setdefault(producer.position, []).append(node)

    def _join(self, node: _Node) -> None:
        for producer in node.inputs:
            if producer.is_member and _is_float(producer.variable.ty) and producer.group is not node.group:
                if len(producer.group) + len(node.group) > LARGEST_REGION:
                    continue
                merged = sorted(producer.group + node.group, key=lambda n: n.position)
                if not _depends_on_itself(merged):
                    for member in merged:
                        member.group = merged

    def groups(self) -> list[list[_Node]]:
        """Every group once, each after those whose results it reads; otherwise in the order of main."""
        order: list[list[_Node]] = []
        done: set[int] = set()

        def visit(group: list[_Node]) -> deep.Steps:
            if id(group) in done:
                return
            done.add(id(group))
            for producer in sorted({n.position for member in group for n in member.inputs}):
                yield visit(self.nodes[producer].group)
            order.append(group)

        for node in self.nodes:
            deep.run(visit(node.group))
        return order

    def escapes(self, node: _Node, group: list[_Node]) -> bool:
        """Whether something outside of `group` reads `node`."""
        return node.variable in self.outputs or any(
            consumer.group is not group for consumer in self.consumers.get(node.position, ())
        )


def _depends_on_itself(members: list[_Node]) -> bool:
    """Whether `members`, taken as one, would need a value that is computed from theirs outside of them."""
    inside = {member.position for member in members}
    first = members[0].position  # what lies before it depends on none of them
    seen: set[int] = set()
    ahead = [producer for member in members for producer in member.inputs if producer.position not in inside]
    while ahead:
        node = ahead.pop()
        if node.position in seen or node.group[-1].position < first:
            continue
        seen |= {n.position for n in node.group}
        for member in node.group:
            for producer in member.inputs:
                if producer.position in inside:
                    return True
                ahead.append(producer)
    return False


class _Builder:
    """Writes main anew, group by group."""

    def __init__(self, module: tvm.IRModule, graph: _Graph):
        self.graph = graph
        self.others = {v: f for v, f in module.functions.items() if v.name_hint != "main"}
        self.builder = relax.BlockBuilder(tvm.IRModule(self.others))
        self.value: dict[relax.Var, relax.Expr] = {}

    def build(self) -> tvm.IRModule:
        main = self.graph.main
        regions = {id(g): self._function(g) for g in self.graph.groups() if self._worth_it(g)}
        self.value = {p: p for p in main.params}
        with self.builder.function("main", list(main.params)):
            with self.builder.dataflow():
                for group in self.graph.groups():
                    if id(group) in regions:
                        self._call(*regions[id(group)])
                    else:
                        self._copy(group)
                result = self.builder.emit_output(self._map(self.graph.result))
            self.builder.emit_func_output(result)
        module = self.builder.get()
        if main.attrs:
            module["main"] = module["main"].with_attrs({k: v for k, v in main.attrs.items() if k != "global_symbol"})
        return module

    def _worth_it(self, group: list[_Node]) -> bool:
        touching = [n for n in group if op_name(n.value) == "relax.quantize"] + _dequantizes(group)
        return group[0].is_member and bool(touching) and len(group) + len(_dequantizes(group)) > 1

    def _function(self, group: list[_Node]) -> tuple[tvm.ir.GlobalVar, list[relax.Expr], list[_Node]]:
        """The function of a region, its arguments as main names them, and the nodes whose values it returns."""
        body = _Region(self.graph, group)
        names = [_short_name(n.value) for n in group if isinstance(n.value, tvm.ir.Call)]
        name = "_".join(n for n in names if n != "quantize") or "requantize"
        function = body.function(self.builder)
        return self.builder.add_func(function, name), body.arguments, body.results

    def _call(self, function: tvm.ir.GlobalVar, arguments: list[relax.Expr], results: list[_Node]) -> None:
        value = relax.Call(function, [self._map(a) for a in arguments])
        call = self.builder.emit(value, results[-1].variable.name)
        for index, node in enumerate(results):
            whole = len(results) == 1
            self.value[node.variable] = (
                call if whole else self.builder.emit(relax.TupleGetItem(call, index), node.variable.name)
            )

    def _copy(self, group: list[_Node]) -> None:
        for node in group:
            value = self._map(node.value)
            alias = isinstance(value, (tvm.ir.Var, tvm.ir.Tuple))
            self.value[node.variable] = value if alias else self.builder.emit(value, node.variable.name)

    def _map(self, expression: relax.Expr) -> relax.Expr:
        return _substitute(expression, self.value)


def _substitute(expression: relax.Expr, values: dict[relax.Var, relax.Expr]) -> relax.Expr:
    if isinstance(expression, tvm.ir.Var):
        return values.get(expression, expression)
    if isinstance(expression, tvm.ir.Tuple):
        return relax.Tuple([_substitute(f, values) for f in expression.fields])
    if isinstance(expression, tvm.ir.TupleGetItem):
        return relax.TupleGetItem(_substitute(expression.tuple_value, values), expression.index)
    if isinstance(expression, tvm.ir.Call):
        return tvm.ir.Call(
            expression.op, [_substitute(a, values) for a in expression.args], expression.attrs, expression.ty_args
        )
    return expression


def _dequantizes(group: list[_Node]) -> list[_Node]:
    """The dequantizes that `group` reads, each once, in the order of main."""
    found = {n.position: n for member in group for n in member.inputs if op_name(n.value) == "relax.dequantize"}
    return [found[position] for position in sorted(found)]


class _Region:
    """The function of one group: parameters are what it reads from outside, and constants that are no scalars.

    TVM lowers scalars to numbers, except where a `where` chooses one.
    """

    def __init__(self, graph: _Graph, group: list[_Node]):
        self.nodes = sorted(_dequantizes(group) + group, key=lambda n: n.position)
        self.results = [n for n in group if graph.escapes(n, group)]
        self.arguments: list[relax.Expr] = []
        self.parameters: list[relax.Var] = []
        self.value: dict[relax.Var, relax.Expr] = {}
        inside = {n.variable for n in self.nodes}
        for node in self.nodes:
            for variable in variables(node.value):
                if variable not in inside and variable not in self.value:
                    self.value[variable] = self._parameter(variable, variable.name)

    def _parameter(self, argument: relax.Expr, name: str) -> relax.Var:
        self.arguments.append(argument)
        self.parameters.append(relax.Var(name, argument.ty))
        return self.parameters[-1]

    def function(self, builder: relax.BlockBuilder) -> relax.Function:
        bindings = []
        for node in self.nodes:
            value = builder.normalize(self._lowered(builder, node))
            kind = relax.Var if [node] == self.results else relax.DataflowVar
            self.value[node.variable] = kind(node.variable.name, value.ty)
            bindings.append(relax.VarBinding(self.value[node.variable], value))
        output = self.value[self.results[0].variable]
        if len(self.results) > 1:
            results = builder.normalize(relax.Tuple([self.value[n.variable] for n in self.results]))
            output = relax.Var("results", results.ty)
            bindings.append(relax.VarBinding(output, results))
        body = relax.SeqExpr([relax.DataflowBlock(bindings)], output)
        return relax.Function(self.parameters, body, output.ty).with_attr("Primitive", True)

    def _lowered(self, builder: relax.BlockBuilder, node: _Node) -> relax.Expr:
        """The node's value inside of the function. A reshape, an alias between kernels, is index arithmetic in one."""
        value = _substitute(self._without_constants(node.value), self.value)
        if op_name(value) == "relax.reshape":
            return builder.call_te(
                topi.reshape, value.args[0], node.variable.ty.shape.values, primfunc_name_hint="reshape"
            )
        return value

    def _without_constants(self, value: relax.Expr, scalars: bool = False) -> relax.Expr:
        if isinstance(value, tvm.ir.GenericConst) and (scalars or value.ty.ndim > 0):
            return self._parameter(value, "constant")
        if isinstance(value, tvm.ir.Tuple):
            return relax.Tuple([self._without_constants(f) for f in value.fields])
        if isinstance(value, tvm.ir.Call):
            scalars = op_name(value) == "relax.where"
            arguments = [self._without_constants(a, scalars) for a in value.args]
            return tvm.ir.Call(value.op, arguments, value.attrs, value.ty_args)
        return value

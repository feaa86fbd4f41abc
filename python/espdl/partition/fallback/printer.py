# SPDX-License-Identifier: Apache-2.0
"""Prints a lowered TIR function as C11.

The function must be flat: every buffer one-dimensional, no blocks, integer division already truncating. The text keeps
the order of every floating point operation, computes in the tensors' own precision, writes floats as exact literals,
and depends on nothing but the function. What cannot be expressed raises an EspdlError that names the construct.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
import tvm
from tvm import tirx

from espdl.errors import EspdlError
from espdl.fresh import FreshNames
from espdl.partition.fallback.kernel import CKernel, KernelParameter

LOCAL_BYTES = 64
"""Buffers up to this size live on the stack, larger ones become workspace parameters."""

C_TYPES = {name: f"{name}_t" for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")}
C_TYPES |= {"bool": "bool", "float32": "float", "float64": "double"}

# Functions of <math.h>, by the name without the suffix of the precision: those whose last bit is the library's choice,
# and those that are exact everywhere.
_LIBM = set("acos acosh asin asinh atan atan2 atanh cos cosh erf exp exp2 expm1 hypot".split())
_LIBM |= set("log log10 log1p log2 pow sin sinh tan tanh".split())
_EXACT = set("ceil copysign fabs floor fma fmod nearbyint round sqrt trunc".split())
# The function that makes 0 of what is not a number, in TIR: C has none.
NUMBER = "number_or_zero"
_CLASSIFY = {"isnan", "isinf", "isfinite"}

# Words that C or the headers have taken; a variable of such a name gets an underscore.
_RESERVED = set("auto break case char const continue default do double else enum extern float for goto if".split())
_RESERVED |= set("inline int long register restrict return short signed sizeof static struct switch typedef".split())
_RESERVED |= set("union unsigned void volatile while bool true false NAN INFINITY".split())
_RESERVED |= _CLASSIFY | {name + suffix for name in _LIBM | _EXACT for suffix in ("", "f", "l")} | set(C_TYPES.values())

# Binding strength of C's operators, as far as gcc accepts them without further parentheses.
_PRIMARY, _UNARY, _MULTIPLY, _ADD, _SHIFT, _RELATION, _EQUAL, _BITS, _AND, _OR, _CHOICE = range(14, 3, -1)

_BINARY = {
    # TIR node: (C operator, its strength, least strength of the left and of the right operand)
    tirx.Add: ("+", _ADD, _ADD, _MULTIPLY),
    tirx.Sub: ("-", _ADD, _ADD, _MULTIPLY),
    tirx.Mul: ("*", _MULTIPLY, _MULTIPLY, _UNARY),
    tirx.Div: ("/", _MULTIPLY, _MULTIPLY, _UNARY),
    tirx.Mod: ("%", _MULTIPLY, _MULTIPLY, _UNARY),
    tirx.LShift: ("<<", _SHIFT, _UNARY, _UNARY),
    tirx.RShift: (">>", _SHIFT, _UNARY, _UNARY),
    tirx.BitwiseAnd: ("&", _BITS, _UNARY, _UNARY),
    tirx.BitwiseOr: ("|", _BITS, _UNARY, _UNARY),
    tirx.BitwiseXor: ("^", _BITS, _UNARY, _UNARY),
    tirx.LT: ("<", _RELATION, _SHIFT, _SHIFT),
    tirx.LE: ("<=", _RELATION, _SHIFT, _SHIFT),
    tirx.GT: (">", _RELATION, _SHIFT, _SHIFT),
    tirx.GE: (">=", _RELATION, _SHIFT, _SHIFT),
    tirx.EQ: ("==", _EQUAL, _SHIFT, _SHIFT),
    tirx.NE: ("!=", _EQUAL, _SHIFT, _SHIFT),
    tirx.And: ("&&", _AND, _AND, _EQUAL),
    tirx.Or: ("||", _OR, _EQUAL, _EQUAL),
}
_NARROW = {"int8", "uint8", "int16", "uint16"}


def print_kernel(function: tirx.PrimFunc, name: str, inputs: int, prefix: str) -> CKernel:
    """`function` as a static C function called `name`.

    The first `inputs` parameters are read only, the others are outputs. `prefix` begins the names of helper functions.
    """
    return _Printer(name, prefix).kernel(function, inputs)


def float_literal(value: float, dtype: str = "float32") -> str:
    """A C expression for exactly `value` rounded to `dtype`, "float32" or "float64". Not a number is `NAN`."""
    with np.errstate(over="ignore"):
        value = float(np.dtype(dtype).type(value))
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    if value == int(value) and abs(value) < 2**24:
        text = repr(value)
    else:
        text = re.sub(r"\.?0*p", "p", value.hex())
    return text + ("f" if dtype == "float32" else "")


def integer_literal(value: int) -> str:
    """A C expression for `value`; its type may be narrower than the operation's, to which C then converts it."""
    if value == -(2**31):
        return "INT32_MIN"
    if value == -(2**63):
        return "INT64_MIN"
    if -(2**31) < value < 2**31:
        return str(value)
    if value < 2**32:
        return f"{value}U" if value > 0 else f"INT64_C({value})"
    return f"INT64_C({value})" if value < 2**63 else f"UINT64_C({value})"


def _dtype(expression: tvm.ir.Expr) -> str:
    return str(expression.ty.dtype)


class _Printer:
    """State of printing one function: names in scope, lines so far, what the text needs."""

    def __init__(self, name: str, prefix: str):
        self.name = name
        self.prefix = prefix
        self.lines: list[str] = []
        self.depth = 1
        self.names: dict[tvm.ir.Var, str] = {}
        self.scopes: list[set[str]] = [set()]
        self.scalars: set[tvm.ir.Var] = set()
        self.workspaces: list[tuple[KernelParameter, int]] = []
        self.helpers: set[str] = set()
        self.used: set[str] = set()
        self.written: set[str] = set()
        self.uses_float = False
        self.uses_libm = False

    def kernel(self, function: tirx.PrimFunc, inputs: int) -> CKernel:
        parameters = []
        for position, buffer in enumerate(function.params):
            role: Literal["input", "output"] = "input" if position < inputs else "output"
            if not isinstance(buffer.ty, tirx.BufferType):
                raise self.unsupported(f"the parameter '{buffer.name}', which is no tensor")
            text = self.declare(buffer, f"in{position}" if role == "input" else f"out{position - inputs}")
            parameters.append(KernelParameter(text, self.c_type(str(buffer.ty.dtype)), role == "input", role))
        self.statement(function.body)
        read_only = {p.name for p in parameters if p.const}
        if self.written & read_only:
            raise self.unsupported("a store into an input")
        parameters += [parameter for parameter, _ in self.workspaces]
        unused = [f"    (void){p.name};" for p in parameters if p.name not in self.used]
        source = (
            "\n".join([f"static void {self.name}({self.signature(parameters)}) {{", *unused, *self.lines, "}"]) + "\n"
        )
        return CKernel(
            name=self.name,
            source=source,
            parameters=tuple(parameters),
            workspace_bytes=tuple(size for _, size in self.workspaces),
            helpers=tuple(sorted(self.helpers)),
            uses_float=self.uses_float,
            uses_libm=self.uses_libm,
        )

    def signature(self, parameters: Iterable[KernelParameter]) -> str:
        return ", ".join(f"{'const ' if p.const else ''}{p.c_type} *restrict {p.name}" for p in parameters) or "void"

    def unsupported(self, construct: str) -> EspdlError:
        return EspdlError(
            f"kernel '{self.name}'",
            f"the generated C cannot express {construct}",
            "replace the operator by one that 'espdl ops' lists, or cut the graph before it",
        )

    def c_type(self, dtype: str) -> str:
        if dtype not in C_TYPES:
            raise self.unsupported(f"values of type {dtype}")
        self.uses_float |= dtype.startswith("float")
        return C_TYPES[dtype]

    def declare(self, variable: tvm.ir.Var, wish: str) -> str:
        """A name for `variable` that no variable in scope has."""
        base = re.sub(r"\W|^(?=\d|$)", "_", wish)
        base += "_" if base in _RESERVED else ""
        name = FreshNames(set().union(*self.scopes)).unique(base)
        self.scopes[-1].add(name)
        self.names[variable] = name
        return name

    def reference(self, variable: tvm.ir.Var) -> str:
        if variable not in self.names:
            raise self.unsupported(f"the free variable '{variable.name}'")
        self.used.add(self.names[variable])
        return self.names[variable]

    # Statements

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def block(self, head: str, body: tirx.Stmt) -> None:
        self.line(head + " {")
        self.scope(lambda: self.statement(body))
        self.line("}")

    def scope(self, action: Callable[[], None]) -> None:
        self.scopes.append(set())
        self.depth += 1
        action()
        self.depth -= 1
        self.scopes.pop()

    def statement(self, node: tirx.Stmt) -> None:
        method = getattr(self, f"_{type(node).__name__}", None)
        if not isinstance(node, tirx.Stmt) or method is None:
            raise self.unsupported(f"the statement {type(node).__name__}")
        method(node)

    def _SeqStmt(self, node: tirx.SeqStmt) -> None:
        for child in node.seq:
            self.statement(child)

    def _For(self, node: tirx.For) -> None:
        if node.kind == tirx.ForKind.THREAD_BINDING:
            raise self.unsupported("a loop over threads")
        first = self.expression(node.min)
        end = self.expression(node.min + node.extent)
        self.scopes.append(set())
        name = self.declare(node.loop_var, node.loop_var.name)
        step = f"++{name}" if node.step is None else f"{name} += {self.expression(node.step)}"
        self.block(f"for ({self.c_type(_dtype(node.loop_var))} {name} = {first}; {name} < {end}; {step})", node.body)
        self.scopes.pop()

    def _While(self, node: tirx.While) -> None:
        self.block(f"while ({self.expression(node.condition)})", node.body)

    def _IfThenElse(self, node: tirx.IfThenElse) -> None:
        self.line(f"if ({self.expression(node.condition)}) {{")
        self.scope(lambda: self.statement(node.then_case))
        if node.else_case is not None:
            self.line("} else {")
            self.scope(lambda: self.statement(node.else_case))
        self.line("}")

    def _BufferStore(self, node: tirx.BufferStore) -> None:
        target = self.element(node.buffer, node.indices)
        self.written.add(self.names[node.buffer])
        self.line(f"{target} = {self.expression(node.value)};")

    def _Bind(self, node: tirx.Bind) -> None:
        c_type = self.c_type(_dtype(node.value))
        value = self.expression(node.value)
        self.line(f"const {c_type} {self.declare(node.var, node.var.name)} = {value};")

    def _DeclBuffer(self, node: tirx.DeclBuffer) -> None:
        parent = node.data
        if not (
            isinstance(parent, tvm.ir.Call) and parent.op.name == "tirx.buffer_data" and parent.args[0] in self.names
        ):
            raise self.unsupported(f"the buffer '{node.buffer.name}', which is neither a parameter nor a local one")
        if str(parent.args[0].ty.dtype) != str(node.buffer.ty.dtype):
            raise self.unsupported(f"the buffer '{node.buffer.name}', which reads memory of another type")
        self.names[node.buffer] = self.names[parent.args[0]]
        self.scalars |= {node.buffer} if parent.args[0] in self.scalars else set()

    def _AllocBuffer(self, node: tirx.AllocBuffer) -> None:
        dtype, shape = str(node.buffer.ty.dtype), node.buffer.ty.shape
        c_type = self.c_type(dtype)
        if not all(isinstance(extent, tirx.IntImm) for extent in shape):
            raise self.unsupported(f"the buffer '{node.buffer.name}', whose size is not constant")
        count = math.prod(int(extent) for extent in shape)
        size = count * np.dtype(dtype).itemsize
        if size <= LOCAL_BYTES:
            name = self.declare(node.buffer, node.buffer.name)
            self.scalars |= {node.buffer} if count == 1 else set()
            self.line(f"{c_type} {name};" if count == 1 else f"{c_type} {name}[{count}];")
            return
        name = f"work{len(self.workspaces)}"
        self.scopes[0].add(name)
        self.names[node.buffer] = name
        self.workspaces.append((KernelParameter(name, c_type, False, "workspace"), size))

    def _Evaluate(self, node: tirx.Evaluate) -> None:
        if not isinstance(node.value, tirx.IntImm):
            raise self.unsupported("an expression evaluated for its effect")

    def _AttrStmt(self, node: tirx.AttrStmt) -> None:
        if not str(node.attr_key).startswith("pragma_"):
            raise self.unsupported(f"the attribute '{node.attr_key}'")
        self.statement(node.body)

    def _Break(self, node: tirx.Break) -> None:
        self.line("break;")

    def _Continue(self, node: tirx.Continue) -> None:
        self.line("continue;")

    # Expressions: text, and how strongly its outermost operator binds

    def expression(self, node: tvm.ir.Expr, least: int = 0) -> str:
        text, strength = self.print(node)
        return text if strength >= least else f"({text})"

    def element(self, buffer: tvm.ir.Var, indices: list[tvm.ir.Expr]) -> str:
        if len(indices) != 1:
            raise self.unsupported(f"the buffer '{buffer.name}' with {len(indices)} dimensions")
        name = self.reference(buffer)
        return name if buffer in self.scalars else f"{name}[{self.expression(indices[0])}]"

    def print(self, node: tvm.ir.Expr) -> tuple[str, int]:
        if isinstance(node, tvm.ir.StringImm) or not tvm.ir.is_prim_expr(node):
            raise self.unsupported(f"the expression {type(node).__name__}")
        dtype = _dtype(node)
        c_type = self.c_type(dtype)
        if isinstance(node, tirx.Mod) and dtype.startswith("float"):
            return self.math("fmod", [node.a, node.b], dtype), _PRIMARY
        if type(node) in _BINARY:
            operator, strength, left, right = _BINARY[type(node)]
            text = f"{self.expression(node.a, left)} {operator} {self.expression(node.b, right)}"
            return (f"({c_type})({text})", _UNARY) if dtype in _NARROW else (text, strength)
        if isinstance(node, tirx.IntImm):
            text = ("true" if node.value else "false") if dtype == "bool" else integer_literal(int(node.value))
        elif isinstance(node, tirx.FloatImm):
            text = float_literal(float(node.value), dtype)
        elif isinstance(node, tvm.ir.Var):
            text = self.reference(node)
        elif isinstance(node, tvm.ir.TensorLoad):
            text = self.element(node.source, node.indices)
        elif isinstance(node, tirx.Cast):
            return f"({c_type}){self.expression(node.value, _UNARY)}", _UNARY
        elif isinstance(node, tirx.Not):
            return f"!{self.expression(node.a, _UNARY)}", _UNARY
        elif isinstance(node, tirx.BitwiseNot):
            return f"({c_type})~{self.expression(node.a, _UNARY)}", _UNARY
        elif isinstance(node, tirx.Let):
            self.names[node.var] = self.expression(node.value, _PRIMARY)
            return self.print(node.body)
        elif isinstance(node, (tirx.Max, tirx.Min)):
            text = self.extreme(node, dtype, c_type)
        elif isinstance(node, tirx.Select):
            return self.choice(node.condition, node.true_value, node.false_value)
        elif isinstance(node, tvm.ir.Call):
            return self.call(node, dtype)
        else:
            raise self.unsupported(f"the expression {type(node).__name__}")
        return text, _UNARY if text.startswith("-") else _PRIMARY

    def choice(self, condition: tvm.ir.Expr, yes: tvm.ir.Expr, no: tvm.ir.Expr) -> tuple[str, int]:
        parts = self.expression(condition, _EQUAL), self.expression(yes, _OR), self.expression(no, _OR)
        return "{} ? {} : {}".format(*parts), _CHOICE

    def extreme(self, node: tirx.Max | tirx.Min, dtype: str, c_type: str) -> str:
        """A call, so that no operand is computed twice."""
        word, operator = ("max", ">") if isinstance(node, tirx.Max) else ("min", "<")
        name = f"{self.prefix}{word}_{dtype}"
        self.helpers.add(
            f"static inline {c_type} {name}({c_type} a, {c_type} b) {{\n    return a {operator} b ? a : b;\n}}\n"
        )
        return f"{name}({self.expression(node.a)}, {self.expression(node.b)})"

    def number(self, node: tvm.ir.Expr, dtype: str) -> str:
        """A call, so that the operand is computed once."""
        name, c_type = f"{self.prefix}{NUMBER}_{dtype}", self.c_type(dtype)
        zero = float_literal(0.0, dtype)
        self.helpers.add(f"static inline {c_type} {name}({c_type} a) {{\n    return a == a ? a : {zero};\n}}\n")
        return f"{name}({self.expression(node)})"

    def call(self, node: tvm.ir.Call, dtype: str) -> tuple[str, int]:
        if not isinstance(node.op, tvm.ir.Op):
            raise self.unsupported("a call to another function")
        name, arguments = node.op.name.split(".")[-1], list(node.args)
        if name == "if_then_else":
            return self.choice(*arguments)
        if name == "likely":
            return self.print(arguments[0])
        if name in ("call_pure_extern", "call_extern"):
            name = str(arguments.pop(0).value)
        if name == NUMBER:
            return self.number(arguments[0], dtype), _PRIMARY
        if name in _CLASSIFY:
            return f"{name}({self.expression(arguments[0])})", _PRIMARY
        return self.math(name, arguments, dtype), _PRIMARY

    def math(self, name: str, arguments: list[tvm.ir.Expr], dtype: str) -> str:
        suffix = "f" if dtype == "float32" else ""
        base = name if name in _LIBM | _EXACT else name.removesuffix("f")
        base = "nearbyint" if base == "round" else base
        if base not in _LIBM | _EXACT or not dtype.startswith("float"):
            raise self.unsupported(f"the function {name} on {dtype}")
        self.uses_libm |= base in _LIBM
        return f"{base}{suffix}({', '.join(self.expression(a) for a in arguments)})"

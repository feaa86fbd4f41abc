# SPDX-License-Identifier: Apache-2.0
"""How every ONNX operator runs, read from the registries: no list here has to be kept up to date."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import defs

from espdl import backends, frontend, pipeline, targets, traits
from espdl.errors import EspdlError
from espdl.frontend import non_max_suppression, operator_form, refusals, rewrites
from espdl.frontend.rewrites.functions import FUNCTIONS
from espdl.ops.operator import Operator, operators
from espdl.partition.tvm_compat import importable_operators
from espdl.plan.types import KernelCall
from espdl.report.values import short

KERNEL, TABLE, ALIAS, FALLBACK, REWRITTEN, REFUSED, REMOVED = (
    "kernel",
    "table",
    "alias",
    "TVM fallback",
    "rewritten",
    "refused",
    "removed",
)

# Operators of which TVM's importer knows another with the same name.
_OTHERS_NAMES = ("Attention",)

# Of kernels, in the order in which they are told; a backend's name for all of them is the last.
_DTYPES = ("int8", "int16", "float32", backends.ANY)


@dataclass(frozen=True)
class OperatorRow:
    """An ONNX operator: all the ways in which it may run, best first, and what is to be said about them."""

    operator: str
    ways: tuple[str, ...]
    by: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class NodeRow:
    """A node of a model: how it runs, by which function, and why not better."""

    node: str
    operator: str
    way: str
    by: str
    remarks: tuple[str, ...]


def table(target: targets.Target) -> list[OperatorRow]:
    """A row for every operator of ONNX's own domain, in alphabetical order."""
    names = sorted({s.name for s in defs.get_all_schemas() if s.domain == "" and not s.deprecated})
    known = operators()
    importable = importable_operators()
    return [_row(name, known.values(), target, importable) for name in names]


def _row(name: str, known: Iterable[type[Operator]], target: targets.Target, importable: set[str]) -> OperatorRow:
    ways, by, remarks = [], [], []
    if name in refusals.REASONS:
        return OperatorRow(name, (REFUSED,), (), (refusals.REASONS[name],))
    if traits.of(name).is_alias:
        ways.append(ALIAS)
    for operator in known:
        dtypes = {d for (b, n, d) in backends.lowerings() if b in target.backends and n == operator.name}
        if name in operator.onnx and dtypes:
            ways.append(operator.kind)
            by.append(f"{operator.name} ({', '.join(sorted(dtypes, key=_DTYPES.index))})")
            remarks += [operator.limits] if operator.limits else []
    if name == non_max_suppression.OPERATOR:
        return OperatorRow(name, (REWRITTEN,), (), (non_max_suppression.LIMITS,))
    rewritten = name in rewrites.rewrites() or name in operator_form.forms()
    if name in (*FUNCTIONS, *_OTHERS_NAMES) or (rewritten and name not in importable):
        ways.append(REWRITTEN)
    elif name in importable:
        ways.append(FALLBACK)
    if not ways:
        return OperatorRow(name, (REFUSED,), (), ("there is no lowering for it",))
    return OperatorRow(name, tuple(dict.fromkeys(ways)), tuple(by), tuple(dict.fromkeys(remarks)))


def model_rows(options: pipeline.Options) -> list[NodeRow]:
    """A row for every node of the model as the compiler sees it, after constants are folded.

    Without calibration data it is made up. That decides little of what is told here: only whether numbers fit what some
    vector kernels compute with.

    Where the model cannot be compiled, the rows say which nodes are the reason; the others tell how such nodes may run.
    Raises EspdlError where that cannot be told: for a file that is no model, or bad calibration data.
    """
    with tempfile.TemporaryDirectory(prefix="espdl-") as folder:
        options = replace(options, output=folder)
        if options.calibration is None:
            options = replace(options, calibration=_made_up(options, folder), effort="fast")
        try:
            compilation = pipeline.compile_model(options)
        except EspdlError as error:
            return _refused_rows(options, error)
    calls = {node: call for call in compilation.plan.calls for node in call.source_nodes}
    first: dict[int, str] = {}
    rows = []
    for node in compilation.quantized.float_proto.graph.node:
        call = calls.get(node.name)
        row = _node_row(node, call)
        if call is not None and first.setdefault(id(call), node.name) != node.name:
            row = replace(row, remarks=(f"in one call with '{short(first[id(call)])}'",))
        rows.append(row)
    return rows


def _node_row(node: onnx.NodeProto, call: KernelCall | None) -> NodeRow:
    if call is None:
        way = ALIAS if traits.of(node.op_type).is_alias else REMOVED
        return NodeRow(node.name, node.op_type, way, "", ())
    way = FALLBACK if call.operator == "fallback" else operators()[call.operator].kind
    return NodeRow(node.name, node.op_type, way, call.function, call.notes)


def _refused_rows(options: pipeline.Options, error: EspdlError) -> list[NodeRow]:
    model = frontend.load(options.model, options.shapes, options.input)
    known = {row.operator: row for row in table(options.target)}
    rows, found = [], False
    for node in model.proto.graph.node:
        row = known.get(node.op_type)
        refused = row is None or row.ways == (REFUSED,)
        remarks: tuple[str, ...] = ()
        if error.node is not None and error.node.name == (node.name or node.output[0]):
            refused, remarks = True, (error.why,)
        elif row is not None and refused:
            remarks = row.remarks
        found |= refused
        rows.append(NodeRow(node.name or node.output[0], node.op_type, REFUSED if refused else "", "", remarks))
    if not found:
        raise error
    return rows


def _made_up(options: pipeline.Options, folder: str) -> str | None:
    """Calibration data for a model whose user only wants to know how it runs; None where the model has its scales."""
    model = frontend.load(options.model, options.shapes, options.input)
    if model.carries_quantization:
        return None
    random = np.random.default_rng(0)
    path = Path(folder) / "made_up.npz"
    values: dict[str, Any] = {i.name: random.standard_normal((2, *i.shape)).astype(i.dtype) for i in model.inputs}
    np.savez(path, **values)
    return str(path)

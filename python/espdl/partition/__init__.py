# SPDX-License-Identifier: Apache-2.0
"""From a QDQ model to a graph of operators, each of which a backend takes (TVM Relax, bring your own codegen)."""

from __future__ import annotations

import onnx
import tvm

from espdl import graph as operator_graph
from espdl.graph.checks import check as check_graph
from espdl.graph.checks import check_not_empty
from espdl.graph.types import Accept, GraphOptions, OperatorGraph
from espdl.partition.checks import check
from espdl.partition.composites import Composites
from espdl.partition.extract import Extraction
from espdl.partition.importer import import_model
from espdl.partition.passes import FLOATS, GROUPS, INTEGERS
from espdl.partition.ports import as_given
from espdl.partition.unmatched import lower_unmatched
from espdl.passes import PassWatch, run_passes
from espdl.quantize.types import QuantizedModel


def group(model: QuantizedModel, accept: Accept, watch: PassWatch) -> tuple[tvm.IRModule, Composites]:
    """The module that calls what `accept` takes by names, and what it calls."""
    module, names = import_model(model)
    watch("import", module)
    # Kernels are what wants channels last; a float model has none of them.
    quantized = any(node.op_type == "QuantizeLinear" for node in model.proto.graph.node)
    composites = Composites(names, accept, quantized)
    return run_passes((*(INTEGERS if quantized else FLOATS), *GROUPS), module, composites, check, watch), composites


def run(
    model: QuantizedModel,
    accept: Accept,
    name: str = "net",
    io: str = "int8",
    input_layout: str = "model",
    watch: PassWatch = lambda *_: None,
    stream: str = "",
    at_caller: bool = False,
) -> OperatorGraph:
    """Imports, goes channels last, groups what `accept` takes, and lowers the rest through TVM.

    `name` begins the names of generated C functions; `watch` sees the module or graph after every step; `stream` is
    the input of which rows are pushed, if any; `at_caller` says that inputs are read where the application has them.
    Raises EspdlError for an operator that nothing can run, naming the node and why.
    """
    model, given = as_given(model, io == "float32")
    module, composites = group(model, accept, watch)
    unmatched = lower_unmatched(module, f"{name}_", composites.names, model.label)
    watch("lower", unmatched.lowered.module)
    ports = ([i.name for i in model.proto.graph.input], [o.name for o in model.proto.graph.output])
    graph = Extraction(unmatched, composites, model.label, f"{name}_", ports).build()
    watch("extract", graph)
    values = (*model.proto.graph.input, *model.proto.graph.output)
    integers = [v.name for v in values if v.type.tensor_type.elem_type != onnx.TensorProto.FLOAT]
    forms = (given.scales, given.features, given.unsigned)
    options = GraphOptions(accept, io, input_layout, integers, stream, *forms, at_caller)
    graph = run_passes(operator_graph.PASSES, graph, options, check_graph, watch)
    check_not_empty(graph, model.label)
    return graph

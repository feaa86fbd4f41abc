# SPDX-License-Identifier: Apache-2.0
"""From a QDQ model to a graph of operators, each of which a backend takes (TVM Relax, bring your own codegen)."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
import tvm

from espdl.graph import (
    fuse_pad_and_transpose,
    inputs_and_outputs,
    merge_recurrent_outputs,
    remove_identity_tables,
    split_batches,
)
from espdl.graph.types import Accept, OperatorGraph, check_not_empty
from espdl.partition.composites import Composites
from espdl.partition.extract import Extraction
from espdl.partition.importer import import_model
from espdl.partition.layout import channels_last
from espdl.partition.simplify import prepare, simplify
from espdl.partition.unmatched import lower_unmatched
from espdl.quantize.types import QuantizedModel

__all__ = ["Partition", "run"]


@dataclass(frozen=True)
class Partition:
    """`graph` is what the next stage needs; the modules are kept to be looked at."""

    graph: OperatorGraph
    imported: tvm.IRModule
    partitioned: tvm.IRModule


def run(
    model: QuantizedModel, accept: Accept, name: str = "net", io: str = "int8", input_layout: str = "model"
) -> Partition:
    """Imports, goes channels last, groups what `accept` takes, and lowers the rest through TVM.

    `name` begins the names of generated C functions. Raises EspdlError for an operator that nothing can run, naming the
    node and why.
    """
    imported, names = import_model(model)
    # Kernels are what wants channels last; a float model has none of them.
    quantized = any(node.op_type == "QuantizeLinear" for node in model.proto.graph.node)
    module = simplify(channels_last(prepare(imported)) if quantized else imported)
    composites = Composites(names, accept, quantized)
    partitioned = composites.group(module)
    unmatched = lower_unmatched(partitioned, f"{name}_", composites, model.label)
    ports = ([i.name for i in model.proto.graph.input], [o.name for o in model.proto.graph.output])
    graph = Extraction(unmatched, composites, model.label, f"{name}_", ports).build()
    values = (*model.proto.graph.input, *model.proto.graph.output)
    integers = [v.name for v in values if v.type.tensor_type.elem_type != onnx.TensorProto.FLOAT]
    graph = split_batches.apply(merge_recurrent_outputs.apply(graph))
    graph = inputs_and_outputs.apply(inputs_and_outputs.with_own_integers(graph, integers), io, input_layout)
    graph = remove_identity_tables.apply(fuse_pad_and_transpose.apply(graph, accept))
    check_not_empty(graph, model.label)
    return Partition(graph, imported, partitioned)

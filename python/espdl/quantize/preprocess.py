# SPDX-License-Identifier: Apache-2.0
"""Simplifies a float model before quantisation: shape inference and ONNX Runtime's basic graph optimisations."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import onnx
import onnx_ir as ir
import onnxruntime as ort
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from espdl.errors import EspdlError
from espdl.frontend import Model, empties, forms, rewrites, sizes
from espdl.frontend.graph import opened, shape
from espdl.frontend.names import name_nodes
from espdl.frontend.recurrent import sequence_first
from espdl.frontend.rewrites.functions import inline
from espdl.quantize import folding
from espdl.quantize.onnxruntime_errors import refused


def preprocess(model: Model, notes: list[str] | None = None) -> onnx.ModelProto:
    """Symbolic shape inference, ORT's basic optimisations (batch-norm folding, constant folding), ONNX shape inference.

    Gemm's alpha and beta are folded into its constants, `Constant` nodes become initialisers, and every node has a
    name. `notes` gets sentences for the report.
    """
    proto = _with_initializers(sequence_first(inline(model.proto)))
    proto = _rewrite(proto, notes, model.label)
    if not model.carries_quantization:
        proto = _optimize(proto, model)
    proto = _rewrite(proto, notes, model.label)
    forms.remove_unused(proto)
    name_nodes(proto)
    return proto


def _rewrite(proto: onnx.ModelProto, notes: list[str] | None, label: str) -> onnx.ModelProto:
    """`proto` with its constants folded, all rewrites applied and its shapes inferred, without tensors that have no
    elements."""
    before, result = None, _inferred(sizes.settle(proto))
    while before is not result:
        if folding.fold(result):
            result = _inferred(sizes.settle(result))  # those whose sizes only the folded constants tell
        before, result = result, rewrites.apply(result, notes, only=("Loop",))  # after it, more shapes are known
    return rewrites.apply(empties.remove(result, label), notes)


def _inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.shape_inference.infer_shapes(proto, data_prop=True)


def _optimize(proto: onnx.ModelProto, model: Model) -> onnx.ModelProto:
    try:
        return _run_ort_optimizer(_infer_symbolic_shapes(proto))
    except EspdlError:
        raise
    except Exception as error:  # onnxruntime raises its own types, all derived from Exception only
        raise refused(model, error, "load") from error


def _infer_symbolic_shapes(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Symbolic inference is for models whose inner shapes ONNX's own inference cannot find."""
    inferred = _inferred(proto)
    if all(shape(output) is not None for node in opened(inferred).graph for output in node.outputs if output.name):
        return inferred
    from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference  # sympy takes a second to load

    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="espdl-") as folder:
        try:
            os.chdir(folder)  # where it gives up, it leaves a file behind
            return SymbolicShapeInference.infer_shapes(inferred, auto_merge=True)
        except Exception:  # it gives up on graphs that ORT's constant folding makes static afterwards
            return inferred
        finally:
            os.chdir(before)


def _run_ort_optimizer(proto: onnx.ModelProto) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory(prefix="espdl-") as folder:
        result = Path(folder) / "model.onnx"
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(result)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        try:
            ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            if "serialization failed" not in str(error):
                raise
            remedy = "make free space there, or name another folder in TMPDIR"
            raise EspdlError(folder, "a temporary file cannot be written", remedy) from error
        return onnx.load(str(result))


def _with_initializers(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` with initializers for its Constant nodes."""
    if all(node.op_type != "Constant" for node in proto.graph.node):
        return proto
    model = opened(proto)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    return ir.to_proto(model)

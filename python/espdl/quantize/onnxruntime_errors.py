# SPDX-License-Identifier: Apache-2.0
"""Whose fault an exception is, in the user's own names.

The checker lets models pass that no runtime can load, and errors after the first rewrite are about nodes that the user
does not have.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import onnx
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from espdl.errors import EspdlError, Node
from espdl.foreign import said
from espdl.frontend import Model
from espdl.frontend.sources import Sources
from espdl.quantize.ranges import session

REMEDY = "run the model in ONNX Runtime on the PC first; what does not run there cannot be compiled"


@contextlib.contextmanager
def located_errors(model: Model) -> Iterator[None]:
    """Within it, an EspdlError about a node that the model does not have becomes one about the node that it came from,
    and another exception an EspdlError where ONNX Runtime raised it or cannot load `model` itself.

    Any other passes as it is: it is a bug of ours.
    """
    try:
        yield
    except EspdlError as error:
        located = _located(error, model)
        if located is error:
            raise
        raise located from error
    except (MemoryError, OSError):
        raise
    except Exception as error:
        if type(error).__module__ == ort_errors.__name__:
            raise refused(model, error, "run") from error
        rejection = _rejection(model.proto)
        if rejection is None:
            raise
        raise refused(model, rejection, "load") from error


def refused(model: Model, error: Exception, verb: str) -> EspdlError:
    """What ONNX Runtime says against a model, about the node of the user's that it says it about."""
    told = said(error)
    why = f"ONNX Runtime cannot {verb} it: {told.reason}"
    if not told.node:
        return EspdlError(model.label, why, REMEDY)
    return _located(EspdlError.at(model.label, Node(told.node), why, REMEDY), model)


def _located(error: EspdlError, model: Model) -> EspdlError:
    """`error` about a node of the file; itself where it is, or about none."""
    node, sources = error.node, Sources(model.given or model.proto)
    if node is None or (node.operator and node.name in sources and error.what.startswith(model.label)):
        return error
    found = sources.of(node.name, node.outputs)
    if found is None:
        part = f"a {node.operator} that it becomes" if node.operator else "a part of what it becomes"
        return EspdlError(model.label, f"{part}: {error.why}", error.remedy)
    same = node.operator in ("", found.op_type)
    why = error.why if same else f"{node.operator}, a part of what it becomes: {error.why}"
    return EspdlError.at(model.label, found, why, error.remedy)


def _rejection(proto: onnx.ModelProto) -> Exception | None:
    """Why ONNX Runtime refuses `proto`; None where it loads it, or only has no implementation of an operator."""
    try:
        session(proto)
    except ort_errors.NotImplemented:
        return None
    except Exception as error:  # its own types, all derived from Exception only
        return error
    return None

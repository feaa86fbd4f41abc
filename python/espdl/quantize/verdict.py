# SPDX-License-Identifier: Apache-2.0
"""Whose fault an unforeseen exception is: the checker lets models pass that no runtime can load."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import onnx
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from espdl.errors import EspdlError, first_line
from espdl.frontend import Model
from espdl.quantize.ranges import session

REMEDY = "run the model in ONNX Runtime on the PC first; what does not run there cannot be compiled"


@contextlib.contextmanager
def blame(model: Model) -> Iterator[None]:
    """Within it, an exception becomes an EspdlError where ONNX Runtime raised it or cannot load `model` itself.

    Any other passes as it is: it is a bug of ours.
    """
    try:
        yield
    except (EspdlError, MemoryError, OSError):
        raise
    except Exception as error:
        if type(error).__module__ == ort_errors.__name__:
            raise EspdlError(model.label, f"ONNX Runtime cannot run it: {first_line(error, 300)}", REMEDY) from error
        reason = _rejection(model.proto)
        if reason is None:
            raise
        raise EspdlError(model.label, f"ONNX Runtime cannot load it: {reason}", REMEDY) from error


def _rejection(proto: onnx.ModelProto) -> str | None:
    """Why ONNX Runtime refuses `proto`; None where it loads it, or only has no implementation of an operator."""
    try:
        session(proto)
    except ort_errors.NotImplemented:
        return None
    except Exception as error:  # its own types, all derived from Exception only
        return first_line(error, 300)
    return None

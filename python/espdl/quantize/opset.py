# SPDX-License-Identifier: Apache-2.0
"""Raises the operator set of a model where the quantised form needs a newer one."""

from __future__ import annotations

from dataclasses import replace

from onnx import version_converter

from espdl.errors import EspdlError, first_line
from espdl.frontend import Model
from espdl.wording import option

# The first with QuantizeLinear to int16.
INT16 = 21


def at_least(model: Model, version: int) -> Model:
    """`model` in operator set `version` or newer; raises EspdlError where the conversion fails."""
    known = next((o.version for o in model.proto.opset_import if o.domain in ("", "ai.onnx")), 1)
    if known >= version:
        return model
    try:
        proto = version_converter.convert_version(model.proto, version)
    except Exception as error:  # the converter raises RuntimeError and its own types for one reason
        raise EspdlError(
            model.label,
            f"it uses opset {known} and cannot be converted to {version}, which 16-bit activations need"
            f" ({first_line(error)})",
            f"export it with opset {version} or newer, or use {option('precision', 'int8')}",
        ) from error
    proto.ir_version = max(proto.ir_version, 10)
    return replace(model, proto=proto)

# SPDX-License-Identifier: Apache-2.0
"""Resize in the forms that TVM knows; all others were rewritten before, where their arguments are constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm import relax

from espdl.partition.tvm_compat import Unsupported, converter

_REFUSED = "it is for some axes only, and its region or its sizes are computed; with constants it can run"


@converter("Resize")
def resize(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    if "axes" in attributes:
        raise Unsupported(_REFUSED)
    return None

# SPDX-License-Identifier: Apache-2.0
"""What holds of every Relax module, and what no pass over one may change."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax


def check(before: tvm.IRModule, after: tvm.IRModule) -> None:
    """Raises where TVM finds `after` badly formed, and ValueError where its inputs or outputs have other types.

    TVM does not infer all types again here: that takes as long as a pass itself, and the tests do it.
    """
    relax.analysis.well_formed(after, check_ty=False)
    types = [[*map(str, map(_type, module["main"].params)), str(module["main"].ret_ty)] for module in (before, after)]
    if types[0] != types[1]:
        raise ValueError(f"inputs and outputs were {', '.join(types[0])} and are {', '.join(types[1])}")


def _type(variable: Any) -> Any:
    return variable.ty

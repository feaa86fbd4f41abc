# SPDX-License-Identifier: Apache-2.0
"""Each operator that a backend takes becomes a composite function; those at floats of the application come later."""

from __future__ import annotations

from typing import Any

import tvm

from espdl.passes import Pass

GROUP: Pass[tvm.IRModule, Any] = Pass(
    "group",
    lambda module, composites: composites.group(module),
    leaves=("composites",),
)
# A conversion to or from the application's floats is one only where the fallback has not taken it.
GROUP_CONVERSIONS: Pass[tvm.IRModule, Any] = Pass(
    "group_conversions",
    lambda module, composites: composites.group(module, at_border=True),
    needs=("opaque", "fused"),
    leaves=("conversions",),
    undoes=("opaque",),
)

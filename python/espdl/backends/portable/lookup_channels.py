# SPDX-License-Identifier: Apache-2.0
"""A table per channel in portable C."""

from __future__ import annotations

import math

from espdl.backends.lowering import call_of, lowering
from espdl.backends.portable.lookup import by_signed
from espdl.ops.lookup_channels import LookupChannels, LookupChannelsParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("lookup_channels", "portable", "int8")
def lower_lookup_channels(node: LookupChannels, target: Target) -> KernelCall:
    """One load per element."""
    (x,), (y,) = node.inputs, node.outputs
    return call_of(
        node,
        "espdl_lookup_channels_s8",
        "espdl/kernels/lookup_channels.h",
        LookupChannelsParams(
            outer=math.prod(y.shape[: node.axis]),
            channels=y.shape[node.axis],
            inner=math.prod(y.shape[node.axis + 1 :]),
        ),
        constants=(Constant("table", by_signed(node.table(), x.dtype)),),
        packing="table_of_bytes",
        in_place=((0, 0),),
    )

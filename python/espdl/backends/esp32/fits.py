# SPDX-License-Identifier: Apache-2.0
"""What the MAC16 kernels for 8 bits take."""

from __future__ import annotations

from espdl.backends.lowering import Declined
from espdl.backends.portable.fast import decline_fast
from espdl.plan.types import KernelCall


def decline(call: KernelCall, most_negative: int = -127) -> Declined | None:
    """Why the kernels here do not run a convolution or product, or None. `most_negative`: of the weights."""
    slow = decline_fast(call)
    if slow is not None:
        return Declined(slow)
    if (call.constant("weights") < most_negative).any():
        return Declined("a weight of -128 does not fit the packing, which takes -127 .. 127")
    return None

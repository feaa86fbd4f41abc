# SPDX-License-Identifier: Apache-2.0
"""Simple recurrent layers in portable C, of integers and of floats."""

from __future__ import annotations

import math
from dataclasses import replace

from espdl.backends.layers import KERNEL_SUFFIX
from espdl.backends.lowering import Declined, lowering
from espdl.backends.portable.recurrent import Units, lower_recurrent_floats, refusal, states_call
from espdl.ops.recurrent import First, RecurrentF32Params, RecurrentStatesParams
from espdl.ops.recurrent_integers import STATE_BITS
from espdl.ops.rnn import Rnn, RnnF32Params, RnnParams
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("rnn", "portable", "int8", "int16")
def lower_rnn(node: Rnn, target: Target) -> KernelCall | Declined:
    """The whole sequence in one call; the same arithmetic in both schemes."""
    units = _units_of_relu(node) if node.is_relu else Units.of(node)
    if (declined := refusal(node)) is not None:
        return declined
    call, suffix = states_call(node, units), KERNEL_SUFFIX[node.dtype]
    assert isinstance(call.params, RecurrentStatesParams)
    return replace(
        call,
        function=f"espdl_rnn_{suffix}",
        header="espdl/kernels/rnn.h",
        params=RnnParams(call.params, int(node.is_relu)),
        scratch_bytes=4 * node.hidden,
    )


@lowering("rnn", "portable", "float32")
def lower_rnn_floats(node: Rnn, target: Target) -> KernelCall:
    """Likewise."""
    call = lower_recurrent_floats(node, target)
    assert isinstance(call.params, RecurrentF32Params)
    params = RnnF32Params(call.params, int(node.is_relu))
    return replace(call, header="espdl/kernels/rnn.h", params=params, scratch_bytes=8 * node.hidden)


def _units_of_relu(node: Rnn) -> Units:
    """16 bits for the largest state, that before the first step among them. Sums need no other unit: no table reads
    them."""
    peak = max(First(node.outputs[0]).peak, node.h.peak)
    bits = STATE_BITS - math.ceil(math.log2(peak))
    return Units(bits, bits, bits)

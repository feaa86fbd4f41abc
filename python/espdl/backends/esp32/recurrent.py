# SPDX-License-Identifier: Apache-2.0
"""LSTM and GRU on the ESP32's MAC16: weights stay bytes, which every step reads once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.esp32.packing import in_fours
from espdl.backends.layers import KERNEL_SUFFIX
from espdl.backends.lowering import Declined, lowering, packing
from espdl.backends.portable.recurrent import Units, refusal, states_call
from espdl.ops.recurrent import ZERO, Recurrent, RecurrentStatesParams
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("gru", "esp32", "int8", "int16", alignment=4)
@lowering("lstm", "esp32", "int8", "int16", alignment=4)
def lower_recurrent(node: Recurrent, target: Target) -> KernelCall | Declined:
    """One kernel for everything that a layer can be."""
    refused = refusal(node)
    if refused is not None:
        return refused
    call = states_call(node, Units.of(node))
    inputs, hidden = (_rounded(n) for n in (node.inner_inputs, node.hidden))
    values = [inputs, *[hidden] * (2 + (not node.has_cells and node.reset_first))]
    return replace(
        call,
        function=f"espdl_mac16_{node.name}_{KERNEL_SUFFIX[node.dtype]}",
        header="espdl/esp32/recurrent.h",
        packing="esp32_recurrent",
        scratch_bytes=sum(2 * n + 4 for n in values) + (4 * node.hidden if node.has_cells else 0),
    )


def without_states(call: KernelCall) -> KernelCall | None:
    """The portable kernel's call for the same layer, where that is the one for layers without states; else None.

    What takes up where it stopped, in a stream, is made of it; nobody may read the cells.
    """
    if call.function not in (f"espdl_mac16_{name}_s8" for name in ("gru", "lstm")):
        return None
    p = call.params_of(RecurrentStatesParams)
    if p.batch != 1 or p.h_source != ZERO or p.c_source != ZERO or p.peephole_shift or p.reset_first:
        return None
    name = call.operator
    return replace(
        call,
        function=f"espdl_{name}_s8",
        header="espdl/kernels/recurrent.h",
        params=p.layer,
        inputs=call.inputs[:1],
        outputs=call.outputs[:1],
        constants=call.constants[:3],
        packing="plain",
        alignment=1,
        scratch_bytes=(8 if name == "lstm" else 4) * p.layer.hidden,
        backend="portable",
    )


def _rounded(size: int) -> int:
    return -(-size // 4) * 4


@packing("esp32_recurrent")
def recurrent(call: KernelCall) -> list[np.ndarray]:
    """Weights as include/espdl/esp32/recurrent.h says, the rest as it is."""
    p = call.params_of(RecurrentStatesParams)
    weights = in_fours(np.split(call.constant("weights"), [p.layer.inputs], axis=1))
    return [weights if c.name == "weights" else c.data for c in call.constants]

# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers in single precision in portable C: what LSTM and GRU share."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering
from espdl.backends.portable.recurrent import constant_states, given_inputs
from espdl.ops.recurrent_floats import RecurrentFloats
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


class PortableRecurrentFloats(Lowering[RecurrentFloats]):
    """The whole sequence in one call."""

    def try_lower(self, node: RecurrentFloats, target: Target) -> KernelCall:
        steps, batch, inputs = node.inputs[0].shape
        initial, peepholes = constant_states(node), node.peepholes
        constants = [("weights", node.weights), ("bias", node.bias), ("initial", () if initial is None else initial)]
        constants += [("peepholes", () if peepholes is None else peepholes)] if node.has_cells else []
        return KernelCall(
            operator=node.name,
            function=f"espdl_{node.name.removesuffix('_float')}_f32",
            params_type="espdl_recurrent_f32_params_t",
            header="espdl/kernels/recurrent_f32.h",
            params={
                "steps": steps,
                "batch": batch,
                "inputs": inputs,
                "hidden": node.hidden,
                "reset_first": int(node.reset_first),
                "has_peepholes": int(peepholes is not None),
                "h_source": node.h.source,
                "c_source": node.c.source,
            },
            inputs=given_inputs(node),
            outputs=tuple(t.name for t in node.outputs),
            constants=tuple(Constant(name, np.asarray(values, np.float32)) for name, values in constants),
            scratch_bytes=12 * node.hidden,
            macs=node.macs,
            source_nodes=node.source_nodes,
            notes=node.reasons,
        )

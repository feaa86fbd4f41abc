# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation on the ESP32-S3's vector unit."""

from __future__ import annotations

import numpy as np

from espdl.backends.esp32s3 import work
from espdl.backends.lowering import Declined, lowering, packing, portable
from espdl.ops.layer_norm import LayerNorm, LayerNormParams
from espdl.plan.types import KernelCall
from espdl.targets import Target

LANES, VECTOR = 8, 16


@lowering("layer_norm", "esp32s3", "int8")
def lower_layer_norm(node: LayerNorm, target: Target) -> KernelCall | Declined:
    """The portable kernel's integers, in lanes of 40 bits."""
    rows, vectors = node.inputs[0].count // len(node.gamma), -(-len(node.gamma) // VECTOR)
    return portable(
        node,
        target,
        function="espdl_s3_layer_norm_s8",
        header="espdl/esp32s3/layer_norm.h",
        scratch_bytes=VECTOR * (1 + vectors),
        products=work.products(work.of_normalization(rows, vectors)),
        packing="esp32s3_layer_norm",
    )


@packing("esp32s3_layer_norm")
def layer_norm(call: KernelCall) -> list[np.ndarray]:
    """int16: 8 of -2^15, of 1; of each 8 elements the gammas, less 1 for the units in the sums, then the betas."""
    gamma, beta = (call.constant(name).astype(np.int16) for name in ("gamma", "beta"))
    missing = -call.params_of(LayerNormParams).length % VECTOR
    scales = [np.pad(values, (0, missing)).reshape(-1, 1, LANES) for values in (gamma - 1, beta)]
    constants = np.repeat(np.array([-(2**15), 1], np.int16), LANES)
    return [np.concatenate([constants, np.concatenate(scales, axis=1).reshape(-1)])]

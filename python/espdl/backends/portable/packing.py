# SPDX-License-Identifier: Apache-2.0
"""How the constants of the portable kernels lie in memory."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import packing
from espdl.backends.records import channel_records
from espdl.plan.types import KernelCall


@packing("weights_and_channels")
def weights_and_channels(call: KernelCall) -> list[np.ndarray]:
    """Weights in their logical order, then one `espdl_channel_t` per output channel."""
    return [call.constant("weights"), channel_records(call)]

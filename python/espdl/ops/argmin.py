# SPDX-License-Identifier: Apache-2.0
"""The place of the smallest value along an axis (ONNX ArgMin, quantised)."""

from __future__ import annotations

import numpy as np

from espdl.ops.operator import operator
from espdl.ops.reductions import ArgExtreme, ReductionParams


class ArgMinParams(ReductionParams, c_type="espdl_argmin_params_t"):
    pass


@operator("argmin")
class ArgMin(ArgExtreme):
    onnx = ("ArgMin",)
    relax = "relax.argmin"
    place = np.argmin
    struct = ArgMinParams

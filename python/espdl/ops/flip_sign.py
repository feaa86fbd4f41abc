# SPDX-License-Identifier: Apache-2.0
"""Between uint8 and int8: what an application that works with unsigned bytes needs at inputs and outputs."""

from __future__ import annotations

import numpy as np

from espdl.ops.operator import Arrays, Constants, Placed, operator
from espdl.plan.params import Params


class FlipSignParams(Params, c_type="espdl_flip_sign_params_t"):
    count: int


@operator("flip_sign")
class FlipSign(Placed):
    """The same values with another zero point: uint8 is int8 plus 128. `to_signed`: the output is int8.

    It stands for nothing in the model, `IO uint8` puts it there.
    """

    to_signed: bool

    @staticmethod
    def reference(params: FlipSignParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        (x,) = inputs
        other = np.int8 if x.dtype == np.uint8 else np.uint8
        return [(x.astype(np.int16) + (-128 if x.dtype == np.uint8 else 128)).astype(other)]

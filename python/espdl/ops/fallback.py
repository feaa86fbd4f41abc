# SPDX-License-Identifier: Apache-2.0
"""Whatever no kernel takes: loops that TVM made of one or several operators, printed as C."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from espdl.ops.operator import Arrays, Constants, Placed, operator


@operator("fallback")
class Fallback(Placed):
    """A generated C function. Its own text is its meaning: there is no second definition to compare it with.

    `functions`: name -> C text, in the order in which they must stand in the file; `function` is the one to call, as
    `function(inputs..., constants..., outputs..., scratch)`. `exact`: gives the same bytes with every C library.
    """

    function: str
    functions: Mapping[str, str]
    constants: tuple[np.ndarray, ...]
    scratch_bytes: int
    exact: bool
    reasons: tuple[str, ...]

    @staticmethod
    def reference(params: None, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        raise NotImplementedError("a fallback kernel is defined by its C text, see verify.native")

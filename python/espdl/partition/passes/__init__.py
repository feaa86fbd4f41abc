# SPDX-License-Identifier: Apache-2.0
"""The passes over Relax, in order, each a file of this package."""

from __future__ import annotations

from espdl.partition.fallback import fuse
from espdl.partition.passes import (
    channels_last,
    data_movement,
    fold_requantize,
    one_dequantize,
    one_quantize,
    one_scale,
    opaque,
    reshapes,
    selections,
    tables,
)
from espdl.partition.passes.group import GROUP, GROUP_CONVERSIONS

# Over quantised models: what patterns look for, on integers and in the kernels' layout.
INTEGERS = (
    reshapes.PASS,
    one_quantize.PASS,
    tables.PASS,
    one_scale.PASS,
    data_movement.PASS,
    fold_requantize.PASS,
    tables.PASS,
    reshapes.PASS,
    selections.PASS,
    channels_last.PASS,
    reshapes.PASS,
    data_movement.PASS,
    reshapes.PASS,
    one_dequantize.PASS,
)
# Over float models: other dimensions of a tensor are no layer there either.
FLOATS = (reshapes.PASS,)
# Over all models: what is left to TVM, and what is not.
GROUPS = (GROUP, opaque.PASS, fuse.PASS, GROUP_CONVERSIONS, opaque.PASS)

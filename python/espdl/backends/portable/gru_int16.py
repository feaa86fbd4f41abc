# SPDX-License-Identifier: Apache-2.0
"""GRU with 16-bit tensors in portable C."""

from __future__ import annotations

from espdl.backends.lowering import lowering
from espdl.backends.portable.recurrent import PortableRecurrent


@lowering("gru_int16", backend="portable")
class PortableGruInt16(PortableRecurrent):
    """Always with states."""

    takes_int16 = True

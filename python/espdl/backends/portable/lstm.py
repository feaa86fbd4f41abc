# SPDX-License-Identifier: Apache-2.0
"""LSTM in portable C."""

from __future__ import annotations

from espdl.backends.lowering import lowering
from espdl.backends.portable.recurrent import PortableRecurrent


@lowering("lstm", backend="portable")
class PortableLstm(PortableRecurrent):
    """With and without states."""

# SPDX-License-Identifier: Apache-2.0
"""LSTM in single precision in portable C."""

from __future__ import annotations

from espdl.backends.lowering import lowering
from espdl.backends.portable.recurrent_floats import PortableRecurrentFloats


@lowering("lstm_float", backend="portable")
class PortableLstmFloat(PortableRecurrentFloats):
    """The whole sequence in one call."""

# SPDX-License-Identifier: Apache-2.0
"""GRU in portable C."""

from __future__ import annotations

from espdl.backends.lowering import lowering
from espdl.backends.portable.recurrent import PortableRecurrent


@lowering("gru", backend="portable")
class PortableGru(PortableRecurrent):
    """With and without states."""

# SPDX-License-Identifier: Apache-2.0
"""Functions given by their values, in portable C: the kernel of the lookup operator."""

from __future__ import annotations

from espdl.backends.lowering import lowering
from espdl.backends.portable.lookup import PortableLookup


@lowering("table", backend="portable")
class PortableTable(PortableLookup):
    """As a function with a name."""

# SPDX-License-Identifier: Apache-2.0
"""Rows and columns of an image at constant indices in portable C: the kernel of gather."""

from __future__ import annotations

from espdl.backends.lowering import lowering
from espdl.backends.portable.gather import PortableGather


@lowering("gather_pixels", backend="portable")
class PortableGatherPixels(PortableGather):
    """One memcpy per pixel."""

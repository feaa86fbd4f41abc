# SPDX-License-Identifier: Apache-2.0
"""The place of the smallest value in portable C."""

from __future__ import annotations

from espdl.backends.lowering import lowering
from espdl.backends.portable.reductions import lower_comparison

lowering("argmin", "portable", "int8")(lower_comparison)

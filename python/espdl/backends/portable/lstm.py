# SPDX-License-Identifier: Apache-2.0
"""LSTM in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.recurrent import decline_recurrent, recurrent_call
from espdl.ops.lstm import Lstm
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("lstm", backend="portable")
class PortableLstm(Lowering):
    """The whole sequence in one call; the same arithmetic in both schemes."""

    def accept(self, node: Lstm, target: Target) -> str | None:
        return decline_recurrent(node)

    def lower(self, node: Lstm, target: Target) -> KernelCall:
        return recurrent_call(node)

# SPDX-License-Identifier: Apache-2.0
"""The graph of operators and the passes over it, each a file: free of TVM, and of what any backend can do."""

from __future__ import annotations

from espdl.graph import (
    channels_last_inputs,
    fuse_pad_and_transpose,
    integer_ports,
    late_signs,
    merge_recurrent_outputs,
    port_scales,
    remove_identity_tables,
    split_batches,
    time_first,
    unsigned_ports,
)
from espdl.graph.types import GraphOptions, OperatorGraph

__all__ = ["PASSES", "OperatorGraph", "GraphOptions"]

PASSES = (
    merge_recurrent_outputs.PASS,
    split_batches.PASS,
    port_scales.PASS,
    integer_ports.PASS,
    time_first.PASS,
    channels_last_inputs.PASS,
    unsigned_ports.PASS,
    fuse_pad_and_transpose.PASS,
    late_signs.PASS,
    remove_identity_tables.PASS,
)

# SPDX-License-Identifier: Apache-2.0
"""Buffers that loops carry values in from one round to the next.

TVM moves a buffer into the innermost loop that holds all accesses to it, and then makes it as small as one round needs.
That is right for blocks, whose rounds do not depend on each other, and wrong for plain loops such as those of a sort,
which read what earlier rounds wrote: as soon as nobody reads such a result afterwards, it would shrink. An access
outside of all loops keeps it where it is.
"""

from __future__ import annotations

import tvm
import tvm_ffi
from tvm import s_tir, tirx


def hold(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """`function` with an access, which later passes remove again, after all loops to each buffer of its own that
    statements outside of blocks store into."""
    realize = function.body
    if not isinstance(realize, s_tir.SBlockRealize):
        return function
    root = realize.block
    stored = _stored_by_loops(root.body)
    carried = [buffer for buffer in root.alloc_buffers if any(buffer.same_as(other) for other in stored)]
    if not carried:
        return function
    reads = [tirx.Evaluate(tirx.BufferLoad(b, [tirx.const(0, "int64") for _ in b.shape])) for b in carried]
    block = s_tir.SBlock(
        root.iter_vars, root.reads, root.writes, root.name_hint, tirx.SeqStmt([root.body, *reads]), root.init,
        root.alloc_buffers, root.match_buffers, root.annotations, root.span,
    )  # fmt: skip
    return function.with_body(s_tir.SBlockRealize(realize.iter_values, realize.predicate, block))


def _stored_by_loops(body: tirx.Stmt) -> list[tvm.ir.Var]:
    """What statements of `body` that lie in no block store into."""
    found: list[tvm.ir.Var] = []
    callbacks = (
        (s_tir.SBlock, lambda _: tvm_ffi.WalkResult.SKIP),
        (tirx.BufferStore, lambda store: found.append(store.buffer)),
    )
    tvm_ffi.structural_walk(body, callbacks, order="pre")
    return found

# SPDX-License-Identifier: Apache-2.0
"""Where a call reads its inputs: in the arena, or where the application has them."""

from __future__ import annotations

from espdl.errors import present
from espdl.plan.types import ITEM_BYTES, Plan, Tensor


def of_input(plan: Plan, name: str, behind: int = 0) -> str:
    """C text of the address of a tensor that a call reads, or `behind` bytes further."""
    root, start = root_of(plan, name)
    if not root.at_caller:
        return f"ARENA({present(plan.tensor(name).offset) + behind})"
    return f"CALLER({root.offset}, {start + behind})"


def root_of(plan: Plan, name: str) -> tuple[Tensor, int]:
    """The tensor whose memory `name` is in, and where it begins there, in bytes."""
    tensor, start = plan.tensor(name), 0
    while tensor.alias_of is not None:
        start += tensor.alias_offset
        tensor = plan.tensor(tensor.alias_of)
    return tensor, start


def alignment(plan: Plan, tensor: Tensor) -> int:
    """What the address of an input at the caller must be a multiple of."""
    readers = [c.alignment for c in plan.calls if any(root_of(plan, name)[0] is tensor for name in c.inputs)]
    return max([ITEM_BYTES[tensor.dtype], *readers])

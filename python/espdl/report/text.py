# SPDX-License-Identifier: Apache-2.0
"""The report as text: at most 100 columns."""

from __future__ import annotations

from espdl.plan.types import KernelCall, Plan

_COLUMNS = (("layer", 34, "<"), ("kernel", 30, "<"), ("output", 16, "<"), ("MACs", 10, ">"))


def summary(plan: Plan, name: str) -> str:
    """Totals and one line per layer."""
    weights = sum(c.data.nbytes for call in plan.calls for c in call.constants)
    lines = [
        f"{name}: {len(plan.calls)} layers, {plan.macs:,} MACs, scheme {plan.scheme}, chip {plan.target}",
        f"arena {plan.arena_bytes:,} bytes (lower bound {plan.arena_lower_bound:,}), constants {weights:,} bytes",
        "",
        _row([title for title, _, _ in _COLUMNS]),
        _row(["-" * width for _, width, _ in _COLUMNS]),
    ]
    lines += [_row(_layer(plan, call)) for call in plan.calls]
    return "\n".join(lines)


def _layer(plan: Plan, call: KernelCall) -> list[str]:
    output = plan.tensor(call.outputs[0])
    shape = "x".join(str(d) for d in output.shape)
    return [", ".join(call.source_nodes) or call.operator, call.function, shape, f"{call.macs:,}" if call.macs else "-"]


def _row(cells: list[str]) -> str:
    fitted = (_fit(cell, width) for cell, (_, width, _) in zip(cells, _COLUMNS))
    return "  ".join(f"{cell:{align}{width}}" for cell, (_, width, align) in zip(fitted, _COLUMNS)).rstrip()


def _fit(text: str, width: int) -> str:
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= width else "..." + clean[-(width - 3) :]

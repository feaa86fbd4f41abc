# SPDX-License-Identifier: Apache-2.0
"""What code and time a model takes before anybody measured it, from tables of its kernels (costs.json, `make costs`).

Code: what a linker keeps for the kernels, which is exact for the compiler that made the table, and what generated code
takes. Instructions: for each kernel once, per output value and per multiplication.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from espdl.chips import all_chips
from espdl.plan.types import KernelCall, Plan

# Bytes of what every model has in its generated code, on a machine of 32 bits: descriptor, port, an entry of a list.
_DESCRIPTOR, _PORT, _WORD = 68, 28, 4
_IDENTITY = 17


@dataclass(frozen=True)
class Estimate:
    """`code_bytes` without weights; `layers`: instructions of each; both None where a kernel is in no table."""

    source: str
    code_bytes: int | None
    layers: tuple[int, ...] | None


@cache
def tables() -> Mapping[str, Any]:
    """By architecture: `source`, `sections`, `run`, `kernels`, `layer`, `instructions`, as python/costs.py says."""
    path = Path(__file__).with_name("costs.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}  # python/costs.py begins without one


def instructions(chip: str) -> Mapping[str, tuple[float, float, float]]:
    """By kernel: instructions once, per output value and per multiplication."""
    table = _table(chip)
    return {} if table is None else table["instructions"]


def _table(chip: str) -> Mapping[str, Any] | None:
    known = all_chips().get(chip)
    return tables().get("xtensa" if known is not None and known.is_xtensa else "rv32")


def of_plan(plan: Plan, name: str) -> Estimate:
    """For the compiler and the architecture of the plan's chip."""
    table = _table(plan.target)
    if table is None:
        return Estimate("no table", None, None)
    known = table["instructions"]
    layers, code = None, None
    own = [call for call in plan.calls if not call.asks]
    if all(call.function in known for call in own):
        layers = tuple(
            0 if call.asks else round(sum(a * b for a, b in zip(known[call.function], (1, *work(plan, call)))))
            for call in plan.calls
        )
    if all(call.function in table["kernels"] for call in own):
        once, layer, argument = table["layer"]
        generated = once + layer * len(plan.calls) + argument * sum(arguments(call) for call in plan.calls)
        code = round(linked_bytes(table, plan) + data_bytes(plan, name) + generated)
    return Estimate(table["source"], code, layers)


def work(plan: Plan, call: KernelCall) -> tuple[int, int]:
    """Values written, and multiplications."""
    return sum(plan.tensor(name).count for name in call.outputs), call.work


def linked_bytes(table: Mapping[str, Any], plan: Plan) -> int:
    """Runtime and kernels of a plan: what several share counts once."""
    kept = set(table["run"])
    for call in plan.calls:
        kept.update(table["kernels"].get(call.function, ()))
    return sum(table["sections"][index] for index in kept)


def data_bytes(plan: Plan, name: str) -> int:
    """Constants of the generated code: parameters, lists and descriptions of inputs and outputs, weights apart."""
    ports = [(port.name, plan.tensor(port.tensor)) for port in (*plan.inputs, *plan.outputs)]
    described = sum(_PORT + _WORD * len(tensor.shape) + len(text) + 1 for text, tensor in ports)
    layers = sum(_WORD + _params_bytes(call) for call in plan.calls)
    return _DESCRIPTOR + _IDENTITY + len(name) + 1 + described + layers


def arguments(call: KernelCall) -> int:
    """How many pointers a kernel gets besides its parameters."""
    buffers = bool(call.scratch_bytes) + bool(call.state_bytes)
    return len(call.inputs) + len(call.constants) + len(call.outputs) + buffers


def _params_bytes(call: KernelCall) -> int:
    values = call.params.flat() if call.params else ()
    return _WORD * sum(len(value) if isinstance(value, tuple) else 1 for _, value in values)

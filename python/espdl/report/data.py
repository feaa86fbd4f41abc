# SPDX-License-Identifier: Apache-2.0
"""The report as plain values: what report.json holds, and what every other form of the report is made from.

Sizes are bytes. `code_bytes` and `cost` come from tables of the kernels (`cost.estimate` is true, `code_source` names
the table) until somebody measures them (`with_cost`). What is not known is null: both where a kernel is in no table,
the `sqnr_db` of a layer until somebody compares it with the float model (`with_errors`), `stack_bytes` of kernels that
are not plain C and of runs with one of them, and `flash_spent` on faster kernels where none was. `stack_source` says on
which machine the stack was measured.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from espdl.plan.rows import Region
from espdl.plan.types import KernelCall, Plan, Port
from espdl.report import advice, cores, costs, memory, stack, stream

SCHEMA = 5

# The backend that runs what all others declined.
FALLBACK = "tvm"

ESTIMATE = "estimate: multiply-accumulates, plus values read and written"


def make(
    plan: Plan,
    name: str,
    weights_bytes: int,
    identity: str,
    *,
    version: str = "",
    environment: Mapping[str, str | None] = MappingProxyType({}),
    warnings: Sequence[str] = (),
    errors: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Totals, layers and memory of a compiled model. `weights_bytes` is the size of the blob.

    `version` is espdl's, `environment` holds the versions of what it runs on. `warnings` are sentences of the
    quantiser; `errors` the signal-to-noise ratio in dB of layers against the float model, by the name of
    the layer's (first) output tensor.
    """
    estimate, parts = costs.of_plan(plan, name), stream.shares(plan)
    report = {
        "schema": SCHEMA,
        "name": name,
        "identity": identity,
        "version": version,
        "environment": dict(environment),
        "chip": plan.target,
        "scheme": plan.scheme,
        "macs": plan.macs,
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound": plan.arena_lower_bound,
        "weights_bytes": weights_bytes,
        "flash_spent": _trade(plan),
        "code_bytes": estimate.code_bytes,
        "code_source": f"estimate: {estimate.source}",
        "stack_bytes": stack.of_run([stack.of_kernel(call.function) for call in plan.calls]),
        "stack_source": stack.table()["source"],
        "cost": None,
        "share": ESTIMATE,
        "inputs": [_port(plan, port) for port in plan.inputs],
        "outputs": [_port(plan, port) for port in plan.outputs],
        "layers": [_layer(plan, index) for index in range(len(plan.calls))],
        "regions": [_region(region) for region in plan.regions],
        "stream": stream.make(plan),
        "cores": cores.of_plan(plan),
        "memory": memory.make(plan),
        "warnings": list(warnings),
    }
    if estimate.layers is None:
        _set_shares(report["layers"], [round(_work(plan, call) * part) for call, part in zip(plan.calls, parts)])
    else:
        scaled = [round(cost * part) for cost, part in zip(estimate.layers, parts)]
        _set_costs(report, scaled, "instructions", f"estimate: {estimate.source}", None)
        report["cost"]["estimate"] = True
    return with_errors(report, errors or {})


def to_json(report: dict[str, Any]) -> bytes:
    """The text of report.json."""
    return (json.dumps(report, indent=1) + "\n").encode()


def with_errors(report: dict[str, Any], errors: Mapping[str, float]) -> dict[str, Any]:
    """The report with the layers' errors: dB by output tensor, as for `make`; others keep what they have."""
    result = copy.deepcopy(report)
    for layer in result["layers"]:
        for output in layer["outputs"][:1]:
            if output["tensor"] in errors:
                value = float(errors[output["tensor"]])
                layer["sqnr_db"] = value if math.isfinite(value) else None
    return {**result, "advice": advice.make(result)}


def with_cost(
    report: dict[str, Any],
    layers: Sequence[int],
    unit: str,
    source: str,
    *,
    per_microsecond: float | None = None,
    code_bytes: int | None = None,
) -> dict[str, Any]:
    """The report with measured costs of one run: per layer, in `unit` ("cycles", "instructions", "ns").

    `source` says who measured, `per_microsecond` how many of the unit are one microsecond (None: not known).
    """
    if len(layers) != len(report["layers"]):
        raise ValueError(f"{len(layers)} costs for {len(report['layers'])} layers")
    result = copy.deepcopy(report)
    _set_costs(result, layers, unit, source, per_microsecond)
    if code_bytes is not None:
        result["code_bytes"], result["code_source"] = code_bytes, source
    return {**result, "advice": advice.make(result)}


def reference(plan: Plan, name: str, identity: str) -> bytes:
    """The text of `<name>_reference.json`: all that `espdl debug` needs to compute what the firmware must compute."""
    values = {"name": name, "identity": identity, "plan": json.loads(plan.to_json())}
    return (json.dumps(values, indent=1) + "\n").encode()


def _set_costs(
    report: dict[str, Any], layers: Sequence[int], unit: str, source: str, per_microsecond: float | None
) -> None:
    report["cost"] = {
        "unit": unit,
        "source": source,
        "estimate": False,
        "total": sum(layers),
        "per_microsecond": per_microsecond,
    }
    report["share"] = f"{unit}, {source}"
    for layer, cost in zip(report["layers"], layers):
        layer["cost"] = int(cost)
    _set_shares(report["layers"], layers)


def _set_shares(layers: Sequence[dict[str, Any]], costs: Sequence[int]) -> None:
    total = sum(costs)
    for layer, cost in zip(layers, costs):
        layer["share"] = cost / total if total else 0.0


def _trade(plan: Plan) -> dict[str, int] | None:
    """What faster kernels took more for their weights, and about what they save."""
    if not any(call.trade[0] for call in plan.calls):
        return None
    total = [sum(values) for values in zip(*(call.trade for call in plan.calls))]
    return {"bytes": total[0], "instructions": total[1]}


def _work(plan: Plan, call: KernelCall) -> int:
    return call.macs + sum(plan.tensor(name).count for name in (*call.reads, *call.outputs))


def _port(plan: Plan, port: Port) -> dict[str, Any]:
    return {"name": port.name, "layout": port.layout, **_tensor(plan, port.tensor)}


def _tensor(plan: Plan, name: str) -> dict[str, Any]:
    tensor = plan.tensor(name)
    return {
        "tensor": name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point if tensor.scale is not None else None,
        "bytes": tensor.nbytes,
    }


def _region(region: Region) -> dict[str, Any]:
    return {"first": region.first, "last": region.stop - 1, "rows": list(region.caps), "ends": region.ends}


def _layer(plan: Plan, index: int) -> dict[str, Any]:
    call = plan.calls[index]
    output = plan.tensor(call.outputs[0])
    return {
        "index": index,
        "nodes": list(call.source_nodes),
        "operator": call.operator,
        "kernel": call.function,
        "backend": call.backend,
        "fallback": call.backend == FALLBACK,
        "exact": call.exact,
        "shape": list(output.shape),
        "dtype": output.dtype,
        "inputs": [_tensor(plan, name) for name in call.reads],
        "outputs": [_tensor(plan, name) for name in call.outputs],
        "macs": call.macs,
        "fetched_bytes": call.fetched_bytes or None,
        "constant_bytes": sum(constant.data.nbytes for constant in call.constants),
        "scratch_bytes": call.scratch_bytes,
        "state_bytes": call.state_bytes,
        "stack_bytes": stack.of_kernel(call.function),
        "share": 0.0,
        "cost": None,
        "sqnr_db": None,
        "flash_spent": call.trade[0],
        "notes": list(call.notes),
    }

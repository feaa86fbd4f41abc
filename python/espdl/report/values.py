# SPDX-License-Identifier: Apache-2.0
"""Values of a report as the text that every form of it shows: equal in the terminal and in HTML."""

from __future__ import annotations

from typing import Any

DASH = "-"


def printable(text: str) -> str:
    """Names of strangers on one line: control and other characters that do not print become question marks."""
    return "".join(c if c.isprintable() else "?" for c in text)


def layer_name(layer: dict[str, Any]) -> str:
    """The ONNX nodes of a layer."""
    return printable(", ".join(layer["nodes"])) or layer["operator"]


def stripes(region: dict[str, Any], layers: int) -> str:
    """Which of so many layers run in stripes, of how many rows, and why not the one behind them."""
    first, last = region["first"], region["last"]
    if first == last:
        return f"layer {first} asks the application for up to {max(region['rows'])} rows at a time"
    rows = f"{min(region['rows'])} to {max(region['rows'])}"
    why = region["ends"] and f"is none of them: {region['ends']}"
    why = why or "could be one of them: the arena would be no smaller, or the price too high"
    following = f"; layer {last + 1} {why}" if last + 1 < layers else ""
    return f"layers {first} to {last} run in stripes of {rows} rows{following}"


def short(name: str, limit: int = 48) -> str:
    """A name's beginning and end: what tells long names apart is at either."""
    if len(name) <= limit:
        return name
    head = (limit - 3) // 3
    return f"{name[:head]}...{name[-(limit - 3 - head) :]}"


def shape(tensor: dict[str, Any]) -> str:
    return "x".join(str(extent) for extent in tensor["shape"]) or "1"


def number(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def decibel(value: float | None) -> str:
    return DASH if value is None else f"{value:.1f} dB"


def error(value: float | None) -> str:
    """The error of a layer against the float model, relative to the values: 20 dB are 10 %."""
    return DASH if value is None else f"{100 * 10 ** (-value / 20):.2g} %"


def scale(tensor: dict[str, Any]) -> str:
    """Scale and zero point: "0.03125, -128"."""
    return DASH if tensor["scale"] is None else f"{tensor['scale']:.6g}, {tensor['zero_point']}"


def kernel(layer: dict[str, Any]) -> str:
    return f"{layer['kernel']} (fallback)" if layer["fallback"] else layer["kernel"]


def environment(report: dict[str, Any]) -> str:
    """What made the report: "espdl 0.1.0, python 3.11.2, ..."."""
    versions = {"espdl": report["version"], **report["environment"]}
    return ", ".join(f"{name} {version or DASH}" for name, version in versions.items())


def time(report: dict[str, Any]) -> str:
    """How long a run takes, as far as somebody measured it."""
    cost = report["cost"]
    if cost is None:
        return DASH
    if cost["unit"] == "ns":
        return f"{cost['total'] / 1e6:,.3f} ms"
    if cost["per_microsecond"]:
        return f"{cost['total'] / cost['per_microsecond'] / 1000:,.3f} ms"
    return f"{number(cost['total'])} {cost['unit']}"

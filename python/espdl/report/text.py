# SPDX-License-Identifier: Apache-2.0
"""The report as text: at most 100 columns."""

from __future__ import annotations

import textwrap
from typing import Any

from espdl.report import stream, values

_WIDTH = 100
_COLUMNS = (
    ("", 3, ">"),
    ("layer", 29, "<"),
    ("kernel", 27, "<"),
    ("output", 12, "<"),
    ("MACs", 11, ">"),
    ("share", 8, ">"),
)


def text(report: dict[str, Any]) -> str:
    """Totals, one line per layer, and what could be better, of a report as `data.make` gives it."""
    layers = report["layers"]
    lines = [
        f"{report['name']}, identity {report['identity']}: {len(layers)} layers, {values.number(report['macs'])} MACs,"
        f" scheme {report['scheme']}, chip {report['chip']}",
        f"arena {values.number(report['arena_bytes'])} bytes (lower bound"
        f" {values.number(report['arena_lower_bound'])}{_prepared(layers)}), weights"
        f" {values.number(report['weights_bytes'])} bytes",
        *_flash_spent(report),
        f"stack of a run {_stack(report)}",
        *_measured(report),
        "",
        _row([title for title, _, _ in _COLUMNS]),
        _row(["-" * width for _, width, _ in _COLUMNS]),
        *(_row(_layer(layer)) for layer in layers),
        f"share: {report['share']}",
        *(values.stripes(region, len(layers)) for region in report["regions"]),
        *(stream.text(report["stream"]) if report["stream"] else ()),
        *_cores(report["cores"]),
    ]
    if report["advice"]:
        lines.append("")
        for sentence in report["advice"]:
            shown = values.printable(sentence)
            lines += textwrap.wrap(shown, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    lines += ["", f"made by {values.environment(report)}"]
    return "\n".join(line if len(line) <= _WIDTH else textwrap.fill(line, _WIDTH) for line in lines)


def _cores(cores: dict[str, Any] | None) -> list[str]:
    if cores is None:
        return []
    lines = [f"two cores: {values.percent(cores['ratio'])} of the time of one, by the compiler's estimate"]
    for key, what in (
        ("alone", "one core alone computes"),
        ("striped", "both share the rows of each stripe of"),
    ):
        if cores[key]:
            lines.append(f"  {what} layers {', '.join(map(str, cores[key]))}")
    for first, second in cores["beside"]:
        lines.append(f"  layers {first} and {second} are computed at once, one by each core")
    for layer, count in cores["bands"].items():
        lines.append(f"  layer {layer} has its result in the memory of its input, and needs {count} turns")
    return lines


def _stack(report: dict[str, Any]) -> str:
    if report["stack_bytes"] is None:
        unknown = sorted({layer["kernel"] for layer in report["layers"] if layer["stack_bytes"] is None})
        return f"{values.DASH} (not measured: {', '.join(unknown)})"
    return f"{values.number(report['stack_bytes'])} bytes ({report['stack_source']})"


def _prepared(layers: list[dict[str, Any]]) -> str:
    """What init leaves in the arena for every run."""
    prepared = sum(layer["state_bytes"] for layer in layers)
    return f"; {values.number(prepared)} of them prepared by init" if prepared else ""


def _flash_spent(report: dict[str, Any]) -> list[str]:
    spent = report["flash_spent"]
    if spent is None:
        return []
    layers = sum(layer["flash_spent"] > 0 for layer in report["layers"])
    saved = values.number(spent["instructions"])
    return [
        f"{values.number(spent['bytes'])} bytes of the weights make {layers} layer{'s' if layers > 1 else ''} faster,"
        f" by about {saved} instructions together (FLASH_BUDGET)"
    ]


def _measured(report: dict[str, Any]) -> list[str]:
    lines = []
    if report["cost"] is not None:
        lines.append(f"one run: {values.time(report)} ({report['cost']['source']})")
    if report["code_bytes"] is not None:
        code = values.number(report["code_bytes"])
        lines.append(f"code {code} bytes, with kernels and runtime, without weights ({report['code_source']})")
    return lines


def _layer(layer: dict[str, Any]) -> list[str]:
    macs = values.number(layer["macs"]) if layer["macs"] else values.DASH
    name, kernel = values.layer_name(layer), values.kernel(layer).removeprefix("espdl_")
    return [str(layer["index"]), name, kernel, values.shape(layer), macs, values.percent(layer["share"])]


def _row(cells: list[str]) -> str:
    fitted = (_fit(cell, width) for cell, (_, width, _) in zip(cells, _COLUMNS))
    return "  ".join(f"{cell:{align}{width}}" for cell, (_, width, align) in zip(fitted, _COLUMNS)).rstrip()


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else "..." + text[-(width - 3) :]

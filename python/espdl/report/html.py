# SPDX-License-Identifier: Apache-2.0
"""The report as one HTML file that needs nothing else: no network, no scripts.

The template escapes everything that it is given: names come from models of strangers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from espdl import templates
from espdl.report import memory, values

_TEMPLATES = Path(__file__).parent / "templates"

# Labels along the time of the arena's picture.
_TICKS = 16
# A block of the picture gets its name if it is at least this part of the width and of the height, in percent.
_NAMED_WIDTH, _NAMED_HEIGHT = 5.0, 6.0
# 60 dB are an error of a thousandth: a bar of nothing.
_FULL_DECIBEL = 60.0


def html(report: dict[str, Any]) -> bytes:
    """The text of report.html for a report as `data.make` gives it."""
    context = {
        "report": report,
        "title": values.printable(report["name"]),
        "tiles": _tiles(report),
        "environment": values.environment(report),
        "advice": [values.printable(sentence) for sentence in report["advice"]],
        "picture": _picture(report),
        "stripes": [values.stripes(region, len(report["layers"])) for region in report["regions"]],
        "peak": _peak(report),
        "layers": [_layer(layer) for layer in report["layers"]],
        "has_errors": any(layer["sqnr_db"] is not None for layer in report["layers"]),
        "has_costs": report["cost"] is not None,
        "has_fetched": any(layer["fetched_bytes"] is not None for layer in report["layers"]),
        "ports": [(kind, _port(port)) for kind in ("input", "output") for port in report[f"{kind}s"]],
    }
    text = _environment().get_template("report.html.jinja").render(context)
    return text.encode("utf-8", "backslashreplace")


@cache
def _environment() -> jinja2.Environment:
    environment = templates.environment(_TEMPLATES, escape=True)
    filters = (values.number, values.percent, values.decibel, values.error, values.scale, values.shape, values.short)
    environment.filters.update({function.__name__: function for function in filters})
    return environment


def _tiles(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(what, value, remark)"""
    cost = report["cost"]
    lower = f"bytes of RAM; lower bound {values.number(report['arena_lower_bound'])}"
    measured = cost["source"] if cost else "not known: profile it on the chip, or espdl report --measure"
    code = f"bytes of flash, kernels and runtime included; {report['code_source']}"
    if report["code_bytes"] is None:
        code = "not known: one of the kernels is in no table"
    instructions = cost is not None and values.time(report).endswith(cost["unit"])
    return [
        ("Arena", values.number(report["arena_bytes"]), lower),
        ("Weights", values.number(report["weights_bytes"]), _weights(report)),
        ("Code", values.number(report["code_bytes"]), code),
        ("Stack", values.number(report["stack_bytes"]), _stack(report)),
        ("MACs", values.number(report["macs"]), "multiply-accumulates of a run"),
        (
            cost["unit"].capitalize() if instructions else "Time",
            values.time(report).removesuffix(" instructions"),
            measured,
        ),
        ("Layers", values.number(len(report["layers"])), f"scheme {report['scheme']}, chip {report['chip']}"),
    ]


def _weights(report: dict[str, Any]) -> str:
    spent = report["flash_spent"]
    if spent is None:
        return "bytes of flash"
    saved = values.number(spent["instructions"])
    return f"bytes of flash; {values.number(spent['bytes'])} of them save about {saved} instructions"


def _stack(report: dict[str, Any]) -> str:
    if report["stack_bytes"] is None:
        return "not measured: one of the kernels is not plain C"
    deepest = max(report["layers"], key=lambda layer: layer["stack_bytes"], default=None)
    most = f", most of it in layer {deepest['index']}" if deepest else ""
    return f"bytes in a run{most}; {report['stack_source']}"


def _picture(report: dict[str, Any]) -> dict[str, Any]:
    """Places of blocks, peak, ticks and layers in stripes in percent of the picture: time to the right, addresses
    upwards."""
    slots, height = report["memory"]["slots"], max(report["arena_bytes"], 1)
    blocks = []
    for block in report["memory"]["blocks"]:
        width = 100 * (block["last"] - block["first"] + 1) / slots
        share = 100 * block["bytes"] / height
        blocks.append(
            {
                "kind": block["kind"],
                "name": values.printable(block["name"]),
                "title": _title(block, slots),
                "x": _place(100 * block["first"] / slots),
                "y": _place(100 - 100 * (block["offset"] + block["bytes"]) / height),
                "width": _place(width),
                "height": _place(share),
                "named": width >= _NAMED_WIDTH and share >= _NAMED_HEIGHT,
            }
        )
    step = -(-len(report["layers"]) // _TICKS) or 1
    ticks = [(str(i), _place(100 * (i + 1.5) / slots)) for i in range(0, len(report["layers"]), step)]
    peak = {"x": _place(100 * report["memory"]["peak"] / slots), "width": _place(100 / slots)}
    regions = [
        {
            "x": _place(100 * (region["first"] + 1) / slots),
            "width": _place(100 * (region["last"] - region["first"] + 1) / slots),
            "title": values.stripes(region, len(report["layers"])),
        }
        for region in report["regions"]
    ]
    return {"blocks": blocks, "ticks": ticks, "peak": peak, "regions": regions, "min_width": 9 * slots}


def _place(percent: float) -> str:
    return f"{percent:.3f}%"


def _title(block: dict[str, Any], slots: int) -> str:
    def when(slot: int) -> str:
        return "before the run" if slot == 0 else "after the run" if slot == slots - 1 else f"layer {slot - 1}"

    life = when(block["first"])
    if block["last"] != block["first"]:
        life += f" to {when(block['last'])}"
    return (
        f"{values.printable(block['name'])}: {block['kind']}, {values.number(block['bytes'])} bytes at"
        f" {values.number(block['offset'])}, {life}"
    )


def _peak(report: dict[str, Any]) -> dict[str, Any]:
    slot = report["memory"]["peak"]
    inside = 0 < slot <= len(report["layers"])
    where = f"layer {slot - 1}" if inside else "before the run" if slot == 0 else "after the run"
    blocks = memory.alive(report["memory"], slot)
    return {
        "where": where,
        "used": values.number(report["memory"]["used"][slot]),
        "blocks": [(values.printable(b["name"]), b["kind"], values.number(b["bytes"])) for b in blocks],
    }


def _layer(layer: dict[str, Any]) -> dict[str, Any]:
    sqnr = layer["sqnr_db"]
    return {
        **layer,
        "name": values.layer_name(layer),
        "kernel": values.kernel(layer),
        "reasons": [values.printable(note) for note in layer["notes"]],
        "from": " + ".join(values.shape(tensor) for tensor in layer["inputs"]),
        "to": ", ".join(values.shape(tensor) for tensor in layer["outputs"]),
        "scales": "; ".join(values.scale(tensor) for tensor in layer["outputs"]),
        "activation_bytes": sum(tensor["bytes"] for tensor in layer["inputs"] + layer["outputs"]),
        "error_bar": 0.0 if sqnr is None else min(100.0, max(0.0, 100 * (1 - sqnr / _FULL_DECIBEL))),
    }


def _port(port: dict[str, Any]) -> dict[str, Any]:
    return {**port, "name": values.printable(port["name"])}

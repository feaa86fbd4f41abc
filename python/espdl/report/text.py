# SPDX-License-Identifier: Apache-2.0
"""The report as text: at most 100 columns."""

from __future__ import annotations

from typing import Any

_COLUMNS = (("layer", 34, "<"), ("kernel", 30, "<"), ("output", 16, "<"), ("MACs", 10, ">"))


def text(report: dict[str, Any]) -> str:
    """Totals and one line per layer of a report as `data.make` gives it."""
    layers = report["layers"]
    lines = [
        f"{report['name']}: {len(layers)} layers, {report['macs']:,} MACs,"
        f" scheme {report['scheme']}, chip {report['chip']}",
        f"arena {report['arena_bytes']:,} bytes (lower bound {report['arena_lower_bound']:,}),"
        f" weights {report['weights_bytes']:,} bytes",
        "",
        _row([title for title, _, _ in _COLUMNS]),
        _row(["-" * width for _, width, _ in _COLUMNS]),
    ]
    lines += [_row(_layer(layer)) for layer in layers]
    return "\n".join(lines)


def _layer(layer: dict[str, Any]) -> list[str]:
    shape = "x".join(str(d) for d in layer["shape"])
    macs = f"{layer['macs']:,}" if layer["macs"] else "-"
    return [", ".join(layer["nodes"]) or layer["operator"], layer["kernel"], shape, macs]


def _row(cells: list[str]) -> str:
    fitted = (_fit(cell, width) for cell, (_, width, _) in zip(cells, _COLUMNS))
    return "  ".join(f"{cell:{align}{width}}" for cell, (_, width, align) in zip(fitted, _COLUMNS)).rstrip()


def _fit(text: str, width: int) -> str:
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= width else "..." + clean[-(width - 3) :]

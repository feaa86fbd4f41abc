# SPDX-License-Identifier: Apache-2.0
"""What a search has found as plain values (tune.json), and as text for the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from espdl.report.values import number, printable
from espdl.tune import lines
from espdl.tune.front import COSTS, WORDS, Point
from espdl.tune.search import Found

SCHEMA = 1
_SHOWN = 3


def make(found: Found) -> dict[str, Any]:
    """Equal for equal searches, whoever computed them where: no times, no paths."""
    request = found.request
    limits = request.limits
    return {
        "schema": SCHEMA,
        "name": request.options.name,
        "chip": request.options.chip,
        "score": f"metric {Path(request.metric).name}" if request.metric else "SQNR, dB",
        "has_metric": request.metric is not None,
        "data": Path(request.evaluation).name,
        "limits": {name: value for name, value in {**vars(limits), **limits.costs}.items() if name in limits.names},
        "candidates": found.candidates,
        "default": _point(found, found.default),
        "front": [_point(found, point) for point in found.front],
        "chosen": None if found.chosen is None else _point(found, found.chosen),
        "nearest": _point(found, found.nearest),
        "failures": [{"why": why, "count": count} for why, count in found.failures],
        "noisy": found.is_noisy,
        "points": [[p.score, *(p.costs[name] for name in COSTS)] for p in found.points],
    }


def _point(found: Found, point: Point) -> dict[str, Any]:
    base = found.request.options
    return {
        "score": point.score,
        "sqnr_db": point.sqnr_db,
        "agreement": point.agreement,
        "accuracy": point.accuracy,
        **{name: point.costs[name] for name in COSTS},
        "settings": {name: list(v) if isinstance(v, tuple) else v for name, v in point.settings.items()},
        "flags": lines.flags(point.settings, base),
        "cmake": lines.cmake(point.settings, base),
    }


def to_json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1) + "\n").encode()


def text(values: dict[str, Any]) -> str:
    """The front and what was chosen of it."""
    failed = sum(failure["count"] for failure in values["failures"])
    head = f"{values['name']}: {values['candidates']} candidates for chip {values['chip']} on {values['data']}"
    rows = [_row(values, "default", values["default"]), *(_row(values, "", p) for p in values["front"])]
    score = "metric" if values["has_metric"] else ""
    columns = [f"{'':8}", f"{score:>9}" if score else "", f"{'SQNR dB':>8}", f"{'agreement':>10}"]
    columns += [f"{'instructions':>13}", f"{'arena':>9}", f"{'weights':>10}", "  options"]
    out = [f"{head}{f', {failed} of them cannot work' if failed else ''}", "", "".join(columns), *rows]
    for failure in values["failures"][:_SHOWN]:
        out.append(f"  {failure['count']} x {printable(failure['why'])}")
    if values["noisy"]:
        out.append("The metric answers differently when it is asked again; the choice was confirmed by more answers.")
    if values["chosen"] is not None:
        out += ["", *_chosen(values)]
    return "\n".join(out)


def _chosen(values: dict[str, Any]) -> list[str]:
    chosen = values["chosen"]
    if not chosen["flags"]:
        return ["chosen: the default; nothing that was tried is better and keeps to the limits"]
    return ["chosen:", f"  command line  {chosen['flags']}", f"  CMake         {chosen['cmake']}"]


def _row(values: dict[str, Any], title: str, point: dict[str, Any]) -> str:
    if not title and values["chosen"] is not None and point["settings"] == values["chosen"]["settings"]:
        title = "chosen"
    agreement = "-" if point["agreement"] is None else f"{point['agreement']:.2%}"
    metric = f"{point['score']:>9.4g}" if values["has_metric"] else ""
    costs = f"{number(point['instructions']):>13}{number(point['arena_bytes']):>9}{number(point['weights_bytes']):>10}"
    flags = point["flags"] if len(point["flags"]) <= 160 else f"{point['flags'][:157]}..."
    return f"{title:8}{metric}{point['sqnr_db']:>8.2f}{agreement:>10}{costs}  {printable(flags)}"


def beyond(found: Found) -> str:
    """What nothing keeps to, and the point that came nearest."""
    limits, nearest = found.request.limits, found.nearest
    words = {"score": "the metric", "sqnr_db": "SQNR in dB", "agreement": "agreement", **WORDS}
    failed = limits.excess(nearest)
    said = []
    for name in failed:
        limit = limits.costs[name] if name in limits.costs else getattr(limits, name)
        value = nearest.costs[name] if name in limits.costs else getattr(nearest, name)
        shown = "not known" if value is None else f"{value:.6g}" if isinstance(value, float) else number(value)
        side = "at most" if name in limits.costs else "at least"
        said.append(f"{words[name]} {shown}, wanted {side} {limit:g}")
    flags = lines.flags(nearest.settings, found.request.options) or "the default options"
    return f"none of {found.candidates} candidates keeps to the limits; nearest came {flags}: {'; '.join(said)}"

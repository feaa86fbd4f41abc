# SPDX-License-Identifier: Apache-2.0
"""An analysis as one value, as text of at most 100 columns, and as one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espdl import templates
from espdl.pipeline import Options
from espdl.report.values import printable, short
from espdl.verify import knobs, metrics
from espdl.verify.analyze import LayerError
from espdl.verify.validate import Row, Validation

_TEMPLATES = (Path(__file__).parent / "templates", Path(__file__).parents[1] / "report" / "templates")
# Larger tables of classes do not fit a terminal.
_MOST_CLASSES = 12
_FULL_DB = 60.0


@dataclass(frozen=True)
class Analysis:
    """`rows`: the forms of the whole network; `confusion` of the generated C, None without labels."""

    name: str
    scheme: str
    data: str
    samples: int
    rows: tuple[Row, ...]
    layers: tuple[LayerError, ...]
    confusion: np.ndarray | None
    removed: tuple[str, ...]
    warnings: tuple[str, ...]
    advice: tuple[str, ...]


def make(validation: Validation, layers: Sequence[LayerError], options: Options, data: str, samples: int) -> Analysis:
    """Joins what `validate.run` and `analyze.layers` found on `data` (its name) with so many `samples`."""
    quantized = validation.compilation.quantized
    generated = next(iter(validation.outputs.values()))[1]
    seen = quantized.statistics if quantized.reference_proto is not None else None
    labels = validation.labels
    if labels is not None and metrics.accuracy(generated, labels) is None:
        labels = None
    return Analysis(
        name=options.name,
        scheme=f"{options.target.scheme}, {options.precision}, effort {options.effort}",
        data=data,
        samples=samples,
        rows=validation.rows,
        layers=tuple(layers),
        confusion=None if labels is None else metrics.confusion(generated, labels),
        removed=quantized.removed_text,
        warnings=(*quantized.warnings, *validation.notes),
        advice=tuple(knobs.advice(layers, validation.generated.sqnr_db, options, seen)),
    )


def text(analysis: Analysis) -> str:
    """For the terminal."""
    a = analysis
    lines = [f"{a.name}: {a.scheme}; {a.samples} samples of {a.data}", "", *rows_text(a.rows), ""]
    lines += [f"{'tensor':40} {'operator':14} {'SQNR':>6} {'own':>6} {'cosine':>8} {'outside':>8}  bits"]
    for e in a.layers:
        bits = "-" if e.accumulator_bits is None else str(e.accumulator_bits)
        lines.append(
            f"{short(printable(e.tensor), 40):40} {e.operator[:14]:14} {_db(e.sqnr_db):>6} {_db(e.own_db):>6}"
            f" {e.cosine:8.5f} {e.saturated:8.3%}  {bits:>4}"
        )
    lines += ["", "SQNR in dB against the float model; own: with float inputs; outside: share of values that saturate;"]
    lines += ["bits: of the largest sum a layer can reach (the ESP32-S3's vector lanes hold 20)"]
    if a.confusion is not None:
        lines += ["", "confusion (rows: label, columns: generated C)", *_confusion_text(a.confusion)]
    for title, sentences in (("removed", a.removed), ("warnings", a.warnings), ("to try next", a.advice)):
        if sentences:
            lines += ["", f"{title}:", *(f"  - {printable(s)}" for s in sentences)]
    return "\n".join(lines)


def rows_text(rows: Sequence[Row]) -> list[str]:
    """The forms of the network side by side."""
    lines = [f"{'':24} {'SQNR dB':>8} {'agreement':>10} {'accuracy':>9} {'RMSE':>9} {'cosine':>8}"]
    for row in rows:
        agreement, accuracy = (("-" if v is None else f"{v:.2%}") for v in (row.agreement, row.accuracy))
        near = f"{row.rmse:>9.3g} {row.cosine:8.5f}"
        lines.append(f"{row.what:24} {_db(row.sqnr_db):>8} {agreement:>10} {accuracy:>9} {near}")
    return lines


def layers_text(validation: Validation) -> str:
    """How many layers were compared with ONNX Runtime, each alone."""
    layers, total = validation.layers, len(validation.compilation.plan.calls)
    if not layers:
        return "no layer to compare with ONNX Runtime by itself"
    largest = max(layer.largest for layer in layers)
    apart = "all equal" if not largest else f"at most {largest} step{'s' if largest > 1 else ''} apart"
    return f"{len(layers)} of {total} layers compared with ONNX Runtime, {apart}"


def errors_json(analysis: Analysis) -> str:
    """What `espdl report --errors` reads: dB by tensor."""
    return json.dumps({e.tensor: round(e.sqnr_db, 3) for e in analysis.layers}, indent=1) + "\n"


def html(analysis: Analysis) -> str:
    """One file, no scripts, nothing loaded; names are escaped."""
    environment = templates.environment(_TEMPLATES, escape=True)
    environment.filters.update({"db": _db, "printable": printable, "width": _width})
    return environment.get_template("analysis.html.jinja").render(a=analysis)


def _db(value: float) -> str:
    return "exact" if value >= metrics.EXACT_DB else f"{value:.1f}"


def _width(value: float) -> str:
    """How bad: the length of a bar in percent, none at 60 dB."""
    return f"{100.0 * min(1.0, max(0.0, 1.0 - value / _FULL_DB)):.0f}%"


def _confusion_text(table: np.ndarray) -> list[str]:
    if len(table) > _MOST_CLASSES:
        wrong = [(int(n), r, c) for (r, c), n in np.ndenumerate(table) if r != c and n]
        return [f"  {n} x class {r} taken for {c}" for n, r, c in sorted(wrong, reverse=True)[:_MOST_CLASSES]]
    width = max(4, len(str(table.max())) + 1)
    head = " " * 6 + "".join(f"{c:>{width}}" for c in range(len(table)))
    return [head, *(f"{r:>5} " + "".join(f"{n:>{width}}" for n in row) for r, row in enumerate(table))]

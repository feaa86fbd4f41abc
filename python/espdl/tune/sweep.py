# SPDX-License-Identifier: Apache-2.0
"""Every model of a zoo for every chip with every set of options: one table, for those who watch over many models."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espdl import templates
from espdl.errors import EspdlError
from espdl.options import Options
from espdl.report.values import number, printable
from espdl.tune import inputs, jobs
from espdl.tune.compute import Computer
from espdl.tune.inputs import Inputs
from espdl.tune.jobs import Job, Result
from espdl.tune.zoo import ZooModel

# Columns of the table: how text, CSV and HTML call them.
COLUMNS = (
    "model", "chip", "options", "status", "sqnr_db", "agreement", "accuracy", "instructions", "arena_bytes",
    "weights_bytes", "code_bytes", "reason",
)  # fmt: skip
OK, BELOW, FAILED = "ok", "below", "failed"
_TEMPLATES = (Path(__file__).parent / "templates", Path(__file__).parents[1] / "report" / "templates")

Row = dict[str, Any]


@dataclass(frozen=True)
class SweepSet:
    """Options that are tried on all models; those of a model's own file come before them. `name`: as the user wrote."""

    name: str
    settings: Mapping[str, Any]


def rows(
    models: Sequence[ZooModel],
    chips: Sequence[str],
    sets: Sequence[SweepSet],
    computer: Computer,
    *,
    min_sqnr: float | None = None,
    min_agreement: float | None = None,
) -> list[Row]:
    """The table, in the order of models, chips and sets. What cannot work is a row that says why."""
    wanted = [(model, chip, chosen) for model in models for chip in chips for chosen in sets]
    made: list[tuple[Job, Inputs] | EspdlError] = []
    known: dict[Path, Inputs] = {}
    for model, chip, chosen in wanted:
        try:
            made.append(_job(model, chip, chosen, known))
        except EspdlError as error:
            made.append(error)
    work = [one for one in made if not isinstance(one, EspdlError)]
    results = iter(computer.results(work))
    table = []
    for (model, chip, chosen), one in zip(wanted, made):
        if isinstance(one, EspdlError):
            result = {"failure": {"what": one.what, "why": one.why, "remedy": one.remedy}}
        else:
            result = next(results)
        begin = {"model": model.name, "chip": chip, "options": chosen.name}
        table.append({**begin, **_measured(result, min_sqnr, min_agreement)})
    return table


def _job(model: ZooModel, chip: str, chosen: SweepSet, known: dict[Path, Inputs]) -> tuple[Job, Inputs]:
    settings = {**chosen.settings, **model.settings, "chip": chip}
    calibration = None if model.calibration is None else str(model.calibration)
    options = Options(**{**settings, "model": str(model.path), "name": "net", "output": "", "calibration": calibration})
    if model.path not in known:
        known[model.path] = inputs.of(options, model.evaluation)
    found = known[model.path]
    job = Job(jobs.VALIDATE, found.digest, jobs.options_of(options), (options.memory,), compiler=jobs.compiler())
    return job, found


def _measured(result: Result, min_sqnr: float | None, min_agreement: float | None) -> Row:
    row: Row = dict.fromkeys(COLUMNS[3:])
    if result["failure"] is not None:
        return {**row, "status": FAILED, "reason": f"{result['failure']['what']}: {result['failure']['why']}"}
    row |= {name: result[name] for name in ("sqnr_db", "agreement", "accuracy")}
    row |= next(iter(result["costs"].values()))
    if result["failures"]:
        return {**row, "status": FAILED, "reason": "; ".join(result["failures"])}
    below = []
    if min_sqnr is not None and row["sqnr_db"] < min_sqnr:
        below.append(f"SQNR is {row['sqnr_db']:.2f} dB, below {min_sqnr:g} dB")
    if min_agreement is not None and row["agreement"] is not None and row["agreement"] < min_agreement:
        below.append(f"agreement is {row['agreement']:.2%}, below {min_agreement:.2%}")
    return {**row, "status": BELOW if below else OK, "reason": "; ".join(below)}


def to_csv(table: Sequence[Row]) -> bytes:
    """With a head; numbers in full, empty where nothing is known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in table)
    return text.getvalue().encode()


def html(table: Sequence[Row]) -> bytes:
    """One file, no scripts, nothing loaded; names are escaped."""
    environment = templates.environment(_TEMPLATES, escape=True)
    environment.filters.update({"number": number, "printable": printable})
    return environment.get_template("sweep.html.jinja").render(rows=table).encode("utf-8", "backslashreplace")


def text(table: Sequence[Row]) -> str:
    """For the terminal."""
    width = max((len(row["model"]) for row in table), default=5)
    chosen = max((len(row["options"]) for row in table), default=7)
    head = f"{'model':{width}}  {'chip':9} {'options':{chosen}}  {'status':7}{'SQNR dB':>8}{'agreement':>11}"
    lines = [f"{head}{'instructions':>13}{'arena':>9}{'weights':>10}"]
    for row in table:
        agreement = "-" if row["agreement"] is None else f"{row['agreement']:.2%}"
        ratio = "-" if row["sqnr_db"] is None else f"{row['sqnr_db']:.2f}"
        costs = f"{number(row['instructions']):>13}{number(row['arena_bytes']):>9}{number(row['weights_bytes']):>10}"
        name, options = printable(row["model"]), printable(row["options"])
        begin = f"{name:{width}}  {row['chip']:9} {options:{chosen}}  {row['status']:7}"
        lines.append(f"{begin}{ratio:>8}{agreement:>11}{costs}")
        if row["reason"]:
            lines.append(f"    {printable(row['reason'])}")
    return "\n".join(lines)

# SPDX-License-Identifier: CC0-1.0
"""A model that is compiled quickly, and jobs whose results are made up: searches without compilers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from quantize_models import classifier, data, run_float

from espdl.options import Options
from espdl.tune.compute import Computer
from espdl.tune.inputs import Inputs
from espdl.tune.jobs import ANALYZE, Job, Result
from espdl.tune.search import Found, Search, SearchRequest
from espdl.tune.store import Store


def write(folder: Path) -> Path:
    """net.onnx, calib.npy and eval.npz with labels."""
    proto = classifier()
    onnx.save(proto, folder / "net.onnx")
    np.save(folder / "calib.npy", data(12))
    inputs = data(16, seed=2)
    np.savez(folder / "eval.npz", x=inputs, label=run_float(proto, inputs).reshape(16, -1).argmax(axis=1))
    return folder


def request(folder: Path, **changes: object) -> SearchRequest:
    given = {name: changes.pop(name) for name in list(changes) if name in Options.__dataclass_fields__}
    paths = {"model": str(folder / "net.onnx"), "calibration": str(folder / "calib.npy"), "output": str(folder / "out")}
    options = Options(**paths, name="net", **given)
    return SearchRequest(options, frozenset(given), str(folder / "eval.npz"), **changes)


class FakeRunner:
    """Answers with `answer(options)`; `jobs`: those that it did. Ends as a terminal does after `until` of them."""

    def __init__(
        self,
        answer: Callable[[dict], Result],
        until: int = 1 << 30,
        backwards: bool = False,
        nodes: Sequence[str] = ("conv0", "conv1", "conv2", "dense"),
    ):
        self.answer, self.until, self.backwards, self.nodes = answer, until, backwards, nodes
        self.jobs: list[Job] = []
        self.left: list[Job] = []

    def __enter__(self) -> FakeRunner:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def submit(self, job: Job, inputs: Inputs) -> None:
        self.left.append(job)

    def ended(self) -> tuple[Job, Result]:
        if len(self.jobs) == self.until:
            raise KeyboardInterrupt
        job = self.left.pop(-1 if self.backwards else 0)
        self.jobs.append(job)
        answer = (
            layers(self.nodes) if job.kind == ANALYZE else self.answer(dict(job.options) | {"repeats": job.repeats})
        )
        return job, answer


def layers(names: Sequence[str]) -> Result:
    rows = [{"node": name, "inner": True, "own_db": 30.0 + i, "sqnr_db": 30.0} for i, name in enumerate(names)]
    return {"failure": None, "layers": rows}


def measured(sqnr_db: float, instructions: int | None, arena: int, weights: int = 100, metric: Sequence = ()) -> Result:
    """With an arena that is half as large, for a tenth more instructions, in stripes."""
    plain = {"instructions": instructions, "arena_bytes": arena, "weights_bytes": weights, "code_bytes": 1}
    stripes = {**plain, "arena_bytes": arena // 2}
    stripes["instructions"] = instructions and instructions * 11 // 10
    return {
        "failure": None,
        "failures": [],
        "sqnr_db": sqnr_db,
        "agreement": min(1.0, sqnr_db / 50),
        "accuracy": None,
        "metric": list(metric),
        "costs": {"plain": plain, "smallest": stripes, "auto": stripes},
    }


def by_rule(options: dict) -> Result:
    """Effort and 16 bits gain decibels, 16 bits cost."""
    wide = 4 if options["precision"] == "int16x8" else len(options["int16"])
    gain = {"fast": -1.0, "default": 0.0, "best": 1.0}[options["effort"]] + 3.0 * wide
    gain -= 4.0 * (options["scheme"] == "power_of_two") + 0.1 * (options["calibration_method"] == "entropy")
    return measured(30.0 + gain, 1000 + 300 * wide, 400 + 100 * wide, 100 + 5 * (options["dead_channels"] == "keep"))


def search(
    folder: Path, runner: FakeRunner, asked: SearchRequest, store: Store | None = None
) -> tuple[Found, Computer]:
    computer = Computer(store or Store(folder / "cache"), runner)
    return Search(asked, computer, lambda *_: None).run(), computer

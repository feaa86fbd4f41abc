# SPDX-License-Identifier: CC0-1.0
"""Processes of this machine: one that dies costs its job and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tune_fakes

from espdl.tune import inputs, jobs
from espdl.tune.inputs import Inputs
from espdl.tune.jobs import Job
from espdl.tune.local import Processes

DIES = "import os, signal\ndef metric(*_):\n    os.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.mark.sweep
def test_a_process_that_dies_costs_its_job(tmp_path: Path) -> None:
    folder = tune_fakes.write(tmp_path)
    asked = tune_fakes.request(folder, effort="fast")

    def work(metric: str | None, scheme: str) -> tuple[Job, Inputs]:
        given = inputs.of(asked.options, asked.evaluation, metric)
        options = jobs.options_of(replace(asked.options, scheme=scheme))
        return Job(jobs.MEASURE, given.digest, options, ("plain",), compiler=jobs.compiler()), given

    (tmp_path / "dies.py").write_text(DIES)
    todo = [work(None, "affine"), work(str(tmp_path / "dies.py"), "affine"), work(None, "power_of_two")]
    with Processes(2) as runner:
        for job, given in todo:
            runner.submit(job, given)
        found = {job.key: result for job, result in (runner.ended() for _ in todo)}
    results = [found[job.key] for job, _ in todo]
    assert [result["failure"] is None for result in results] == [True, False, True]
    assert "died" in results[1]["failure"]["why"] and results[1]["passing"]

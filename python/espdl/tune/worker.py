# SPDX-License-Identifier: Apache-2.0
"""The side of a cluster's worker: takes the inputs once, and does jobs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from espdl.errors import EspdlError
from espdl.tune import inputs, jobs, measure
from espdl.tune.jobs import Job, Result

# By digest of the inputs, where they lie, for as long as this process lives.
_unpacked: dict[str, dict[str, str]] = {}
_folders: list[tempfile.TemporaryDirectory] = []

Sent = tuple[Mapping[str, bytes], Mapping[str, str]]


def receive(sent: Sent) -> Sent:
    """Contents and names of the inputs: a task of its own, which the scheduler repeats where its worker died."""
    return sent


def run(job: Job, sent: Sent) -> Result:
    """Raises EspdlError where this is another compiler than the client's."""
    if jobs.compiler() != job.compiler:
        raise mismatch(jobs.compiler(), job.compiler)
    if job.inputs not in _unpacked:
        folder = tempfile.TemporaryDirectory(prefix="espdl-inputs-")
        _folders.append(folder)
        _unpacked[job.inputs] = inputs.unpacked(*sent, Path(folder.name))
    return measure.run(job, _unpacked[job.inputs])


class OtherCompiler(EspdlError):
    """A worker's compiler is not the client's."""


def mismatch(theirs: str, ours: str) -> OtherCompiler:
    why = f"it has another compiler than the client: {theirs} instead of {ours}"
    return OtherCompiler("a worker", why, "give it the same version of espdl_onnx and the packages of its lock")

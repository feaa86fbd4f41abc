# SPDX-License-Identifier: Apache-2.0
"""What is measured, as plain values: a job is the same everywhere, its key a digest of all that it depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from espdl import __version__, report
from espdl.options import Options

# Changes with the meaning of results: what older versions stored is not taken for this one's.
SCHEMA = 1
# Options of a build, which no measurement depends on; the files among them are the job's inputs.
_ELSEWHERE = ("model", "calibration", "output", "depfile", "test_vectors", "profile", "taps")
_COMPONENT = Path(__file__).resolve().parents[3]
_SOURCES = ("python/espdl", "src", "include", "port")
_SUFFIXES = {".py", ".c", ".h", ".S", ".cpp", ".hpp", ".json", ".jinja", ".css", ".ld"}

# What a worker does with a job.
MEASURE = "measure"  # accuracy of the generated C, and what it costs
VALIDATE = "validate"  # besides, every layer against ONNX Runtime, as `espdl validate` does
ANALYZE = "analyze"  # what every layer loses

Result = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """`options`: fields of pipeline.Options, files apart. `inputs`: digest of the files. `memories`: choices of MEMORY
    that are planned for one network, whose bytes they do not change.

    `samples`: how many of the evaluation data are used, 0 for all. `repeats`: how often a metric of the user's is
    asked. `count`: instructions are counted on an emulated rv32, not estimated. `compiler`: see the function.
    """

    kind: str
    inputs: str
    options: Mapping[str, Any]
    memories: tuple[str, ...]
    samples: int = 0
    repeats: int = 1
    count: bool = False
    compiler: str = ""

    @property
    def key(self) -> str:
        """64 hexadecimal digits."""
        return digest({"schema": SCHEMA, **dataclasses.asdict(self), "options": dict(self.options)})


def options_of(options: Options) -> dict[str, Any]:
    """The fields that a measurement depends on, as JSON knows them."""
    values = {f.name: getattr(options, f.name) for f in dataclasses.fields(options) if f.name not in _ELSEWHERE}
    del values["memory"]
    return json.loads(json.dumps(values))


def to_options(job: Job, output: str, roots: Mapping[str, str], memory: str = "plain") -> Options:
    """Options for a compilation on this machine: `roots` are paths by role."""
    given: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in job.options.items()}
    given |= {"model": roots["model"], "calibration": roots.get("calibration"), "output": output, "memory": memory}
    return Options(**given)


def digest(values: Any) -> str:
    """Of plain values, however they were made."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@cache
def compiler() -> str:
    """What a result depends on besides its inputs: this version, its sources, and the packages that compute."""
    total = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((_COMPONENT / folder).rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file():
                # Line ends depend on how the repository was checked out.
                content = path.read_bytes().replace(b"\r\n", b"\n")
                total.update(path.relative_to(_COMPONENT).as_posix().encode() + b"\0" + content + b"\0")
    packages = {name: version for name, version in report.versions().items() if name != "python"}
    packages_text = ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))
    return f"espdl {__version__} ({total.hexdigest()[:12]}), {packages_text}"

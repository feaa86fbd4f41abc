# SPDX-License-Identifier: Apache-2.0
"""The files that jobs read: under which names jobs know them, where they are, and a digest of what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from espdl import frontend
from espdl.errors import EspdlError
from espdl.options import Options

MODEL, CALIBRATION, EVALUATION, METRIC = "model", "calibration", "evaluation", "metric"


@dataclass(frozen=True)
class Inputs:
    """`files`: path by `<role>/<name>`; `names`: by role, the name of the file (or folder) that an option takes.

    `digest` is one of roles and contents: equal files in other places have an equal one.
    """

    files: Mapping[str, Path]
    names: Mapping[str, str]
    digest: str

    @property
    def roots(self) -> dict[str, str]:
        """By role, the path that an option takes on this machine."""
        return {role: str(_root(self.files, name)) for role, name in self.names.items()}


def of(options: Options, evaluation: str | Path | None, metric: str | Path | None = None) -> Inputs:
    """All files that a job with these options reads. Raises EspdlError where one is missing."""
    model = frontend.load(options.model, options.shapes, options.input)
    files = dict(_below(MODEL, Path(options.model).parent, model.files))
    names = {MODEL: f"{MODEL}/{Path(options.model).name}"}
    for role, given in ((CALIBRATION, options.calibration), (EVALUATION, evaluation), (METRIC, metric)):
        if given is None:
            continue
        path = Path(given)
        if not path.exists():
            raise EspdlError(f"--{_OPTIONS[role]}", f"there is no {path}", "correct the path")
        inside = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        files |= _below(role, path.parent, inside)
        names[role] = f"{role}/{path.name}"
    return Inputs(files, names, _digest(files))


_OPTIONS = {CALIBRATION: "calibration", EVALUATION: "eval", METRIC: "metric"}


def _below(role: str, folder: Path, paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Names that keep what lies beside one another: the model's external data are found by their place."""
    for path in paths:
        path = Path(path).absolute()
        yield str(PurePosixPath(role, path.relative_to(folder.absolute()).as_posix())), path


def _root(files: Mapping[str, Path], name: str) -> Path:
    if name in files:
        return files[name]
    return next(path.parent for key, path in files.items() if key.startswith(f"{name}/"))


def _digest(files: Mapping[str, Path]) -> str:
    """Of contents in their order; names matter only where they tell several files of a role apart."""
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        total.update(name.split("/")[0].encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def unpacked(contents: Mapping[str, bytes], names: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Writes what another machine has sent; by role, the path that an option takes here."""
    files = {}
    for name, content in contents.items():
        files[name] = folder / name
        files[name].parent.mkdir(parents=True, exist_ok=True)
        files[name].write_bytes(content)
    return Inputs(files, names, "").roots


def located(options: Options, roots: Mapping[str, str]) -> Options:
    """The options with the paths of this machine."""
    return replace(options, model=roots[MODEL], calibration=roots.get(CALIBRATION))

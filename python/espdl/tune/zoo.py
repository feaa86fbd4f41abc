# SPDX-License-Identifier: Apache-2.0
"""A folder of models: which there are, and what lies beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espdl import options
from espdl.errors import EspdlError

# Beside <stem>.onnx, in this order; without the stem for a model that has a folder of its own.
_CALIBRATION = ("{0}.calib.npy", "{0}.calib.npz", "{0}.npy", "{0}.npz", "calib.npy", "calib.npz", "calib")
_EVALUATION = ("{0}.eval.npz", "{0}.eval.npy", "eval.npz", "eval.npy")
_OPTIONS = ("{0}.tuned.json", "tuned.json")


@dataclass(frozen=True)
class ZooModel:
    """`name`: its path in the zoo, without what all have. `settings`: those of its options file."""

    name: str
    path: Path
    calibration: Path | None
    evaluation: Path | None
    settings: dict[str, Any]


def models(root: Path) -> list[ZooModel]:
    """All .onnx files in a folder and below, or the one that `root` is. Raises EspdlError where there are none."""
    paths = [root] if root.is_file() else sorted(root.rglob("*.onnx"))
    if not paths:
        how = "name a folder with <model>.onnx, <model>.calib.npy and <model>.eval.npz, or with a folder for each model"
        raise EspdlError(f"models {root}", "there is no .onnx file", how)
    return [_model(path, root if root.is_dir() else path.parent) for path in paths]


def _model(path: Path, root: Path) -> ZooModel:
    alone = len(list(path.parent.glob("*.onnx"))) == 1
    inside = path.relative_to(root).with_suffix("")
    name = inside.parent if alone and len(inside.parts) > 1 else inside
    applied = _beside(path, _OPTIONS, alone)
    settings = options.read(applied, "write it anew, with espdl tune --apply") if applied is not None else {}
    return ZooModel(
        name.as_posix(), path, _beside(path, _CALIBRATION, alone), _beside(path, _EVALUATION, alone), settings
    )


def _beside(path: Path, patterns: Sequence[str], alone: bool) -> Path | None:
    names = [p.format(path.stem) for p in patterns if alone or "{0}" in p]
    return next((found for name in names if (found := path.with_name(name)).exists()), None)

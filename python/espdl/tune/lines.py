# SPDX-License-Identifier: Apache-2.0
"""Settings as what a user pastes: flags of a command, arguments of the CMake function, an options file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espdl.emit import Files
from espdl.options import Options
from espdl.tune.space import method_of

Settings = Mapping[str, Any]


def changes(settings: Settings, base: Options) -> dict[str, Any]:
    """The settings that are not what `base` means."""
    scheme = settings.get("scheme", base.target.scheme)
    found = {}
    for name, value in settings.items():
        own = getattr(base, name)
        if name == "scheme" and own == "default":
            own = base.target.scheme
        if name == "calibration_method" and own == "default":
            own = method_of(scheme)
        if value != own:
            found[name] = value
    return found


def flags(settings: Settings, base: Options) -> str:
    """For the command line, `--scheme affine --int16 'a' 'b'`; empty where nothing changes."""
    words = []
    for name, value in changes(settings, base).items():
        words += [f"--{name.replace('_', '-')}", *(map(shlex.quote, value) if isinstance(value, tuple) else [value])]
    return " ".join(words)


def cmake(settings: Settings, base: Options) -> str:
    """For espdl_add_onnx_model(): `SCHEME affine INT16 "a" "b"`."""
    words = []
    for name, value in changes(settings, base).items():
        words += [name.upper(), *(map(_quoted, value) if isinstance(value, tuple) else [value])]
    return " ".join(words)


def _quoted(text: str) -> str:
    """A quoted argument of CMake; semicolons in one stay what they are."""
    for special in ("\\", '"', "$"):
        text = text.replace(special, f"\\{special}")
    return f'"{text}"'


def apply(settings: Settings, path: Path) -> None:
    """Writes the options file that CMake's OPTIONS and `--options` read: all of it or nothing."""
    text = json.dumps(settings, indent=1) + "\n"
    Files({path.name: text.encode()}).write(path.absolute().parent)

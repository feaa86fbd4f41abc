# SPDX-License-Identifier: Apache-2.0
"""The versions of what a compilation depends on besides its input files: equal versions and inputs, equal bytes."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata

# The packages that take part in computing the output.
PACKAGES = ("apache-tvm", "jinja2", "numpy", "onnx", "onnx-ir", "onnxruntime", "sympy")


def versions() -> dict[str, str | None]:
    """The version of Python and of each of PACKAGES, by name; None where it was installed without metadata."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

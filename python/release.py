# SPDX-License-Identifier: Apache-2.0
"""Makes the manifest ready to be published: who publishes it, and that version, changelog and package agree.

python python/release.py OWNER "NAME <ADDRESS>"      (make release)
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDERS = ("OWNER", "MAINTAINER")


def problems(root: Path, owner: str, maintainer: str) -> list[str]:
    """What is in the way of a release, as sentences."""
    found = []
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", owner):
        found.append(f"OWNER '{owner}' is no account name")
    if not re.fullmatch(r"[^<>]+ <[^<>@ ]+@[^<>@ ]+>", maintainer):
        found.append(f"MAINTAINER '{maintainer}' is not of the form: name <address>")
    version = _field(root, "version")
    package = re.search(r'__version__ = "(.*)"', (root / "python" / "espdl" / "__init__.py").read_text("utf-8"))
    if package is None or package[1] != version:
        found.append(f"idf_component.yml has version {version}, python/espdl/__init__.py {package and package[1]}")
    head = re.search(r"^## (\S+)(.*)$", (root / "CHANGELOG.md").read_text("utf-8"), re.M)
    if head is None or head[1] != version:
        found.append(f"CHANGELOG.md begins with version {head and head[1]}, idf_component.yml has {version}")
    elif "unreleased" in head[2]:
        found.append(f"CHANGELOG.md calls {version} unreleased: write the date behind it")
    return found


def fill(root: Path, owner: str, maintainer: str) -> None:
    """Puts owner and maintainer into the manifest."""
    path = root / "idf_component.yml"
    lines = path.read_text("utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("# `make release")]
    values = dict(zip(PLACEHOLDERS, (owner, maintainer)))
    text = re.sub(rf"\b({'|'.join(PLACEHOLDERS)})\b", lambda match: values[match[1]], "\n".join(lines) + "\n")
    path.write_text(text, encoding="utf-8")


def _field(root: Path, name: str) -> str | None:
    match = re.search(rf'^{name}: "?([^"\n]*)"?$', (root / "idf_component.yml").read_text("utf-8"), re.M)
    return match and match[1]


def main(arguments: list[str], root: Path = ROOT) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = problems(root, *arguments)
    for problem in found:
        print(f"release: {problem}", file=sys.stderr)
    if not found:
        fill(root, *arguments)
        print(f"idf_component.yml is ready. Next: compote component pack; tag v{_field(root, 'version')}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

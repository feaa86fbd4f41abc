# SPDX-License-Identifier: Apache-2.0
"""The files of a library: what is generated, what is taken from the component, and what a build system asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from espdl import templates
from espdl.emit import c_text
from espdl.emit.files import Files
from espdl.errors import EspdlError
from espdl.export import sources
from espdl.plan.types import Plan

_TEMPLATES = Path(__file__).parent / "templates"

# Form -> template of each file that it alone has, by path in the library. `{name}` is the model's name.
FORMS = {
    "arduino": {"library.properties": "library.properties.jinja", "examples/{name}/{name}.ino": "sketch.cpp.jinja"},
    "platformio": {"library.json": "library.json.jinja", "examples/{name}/main.cpp": "sketch.cpp.jinja"},
    "c": {"examples/{name}/main.c": "main.c.jinja"},
}
# Folders below src/ that hold nothing but what an export writes.
_OWN_FOLDERS = ("espdl", *sources.RUNTIME, *(place for places in sources.PORTS.values() for place in places))
# Before anything else in every C file: some of these build systems have no options for one library. A fused
# multiply-add rounds otherwise than the reference.
_PRAGMA = b'#if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC optimize("O2", "fp-contract=off")\n#endif\n'


@dataclass(frozen=True)
class LibraryModel:
    """A compiled model. `files` are those of the emitter; `tests`: whether its test vectors are among them."""

    name: str
    version: str
    plan: Plan
    files: Files
    tests: bool


def render(model: LibraryModel, form: str) -> Files:
    """All files of the library in one of FORMS, by path. Raises EspdlError for kernels that cannot leave ESP-IDF."""
    foreign = sorted({c.backend for c in model.plan.calls} - {"portable", "tvm", *sources.PORTS})
    if foreign:
        raise EspdlError(
            f"export {model.name}",
            f"its kernels are those of {', '.join(foreign)}, a component of ESP-IDF",
            "pass --kernels portable",
        )
    generated = [f"{model.name}.c", f"{model.name}.h"]
    generated += [f"{model.name}_test.c", f"{model.name}_test.h"] if model.tests else []
    files = {f"src/{name}": model.files[name] for name in generated}
    files[f"src/{model.name}_weights.c"] = _weights(model.name, model.files[f"{model.name}_weights.bin"])
    texts = [content.decode() for content in files.values()]
    for place, text in sources.needed(texts, [c.backend for c in model.plan.calls]).items():
        files[f"src/{place}"] = text.encode()
    for path in [path for path in files if path.endswith(".c")]:
        files[path] = _PRAGMA + files[path]
    context = _context(model, sorted(files))
    files["README.md"] = _text(f"README.{form}.md.jinja", context)
    for path, template in FORMS[form].items():
        files[path.format(name=model.name)] = _text(template, context)
    files["LICENSE"] = (sources.COMPONENT / "LICENSE").read_bytes()
    return Files(files)


def write(files: Files, name: str, folder: Path) -> None:
    """Puts a library in place; of an earlier export, files that the model does not need any more go.

    Raises EspdlError where `folder` holds something else.
    """
    check_folder(name, folder)
    files.write(folder)
    for path in [p for own in _OWN_FOLDERS for p in (folder / "src" / own).rglob("*")]:
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()


def check_folder(name: str, folder: Path) -> None:
    """Raises EspdlError unless `folder` is new, empty, or an earlier export of the model."""
    if (
        folder.exists()
        and not (folder / "src" / f"{name}.h").is_file()
        and (not folder.is_dir() or any(folder.iterdir()))
    ):
        why = "there is something already, and it is no earlier export of this model"
        raise EspdlError(f"export to {folder}", why, "name a folder that does not exist")


def _context(model: LibraryModel, files: Sequence[str]) -> dict[str, object]:
    plan = model.plan
    ids = [c_text.identifiers(port.name for port in ports) for ports in (plan.inputs, plan.outputs)]
    return {
        "name": model.name,
        "prefix": model.name.upper(),
        "version": model.version,
        "tests": model.tests,
        "inputs": ids[0],
        "outputs": ids[1],
        "origins": [plan.tensor(port.tensor).source for port in plan.inputs],
        "arena_bytes": plan.arena_bytes,
        "weights_bytes": len(model.files[f"{model.name}_weights.bin"]),
        "architecture": "esp32" if plan.target.startswith("esp32") else "*",
        "chip": plan.target,
        "sources": [path for path in files if path.endswith(".c")],
    }


def _text(template: str, context: dict[str, object]) -> bytes:
    return templates.environment(_TEMPLATES).get_template(template).render(context).encode("ascii")


def _weights(name: str, blob: bytes) -> bytes:
    """The blob as a C array: not every build system assembles, or finds a file to include."""
    values = c_text.fill([str(byte) for byte in blob or bytes(1)], " " * 4)
    text = f"""/* Generated by espdl_onnx. Do not edit. */
#include "espdl.h"

extern const uint8_t {name}_weights[];
ESPDL_ALIGNED const uint8_t {name}_weights[] = {{
{values}
}};
"""
    return text.encode("ascii")

# SPDX-License-Identifier: Apache-2.0
"""Which C files of runtime and kernels a model needs: those that define what it mentions, and what these mention.

Functions of the runtime and the kernels begin with `espdl_`; those that other files call are defined at the start of
a line, without `static`; public headers may have some, inline. That is all this file knows of C.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espdl.errors import EspdlError

COMPONENT = Path(__file__).resolve().parents[3]
# Folder in a library -> folder of the component whose C files (with the headers beside them) go there.
RUNTIME = {"espdl_runtime": "src", "espdl_kernels": "src/kernels"}
PORTS = {name: {f"espdl_{name}": f"port/{name}/src"} for name in ("esp32", "esp32s3")}
_INCLUDES = {"": "include", **{name: f"port/{name}/include" for name in PORTS}}

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_DEFINITION = re.compile(r"^(?!static\b)[A-Za-z_][\w \t*]*?\b(espdl_\w+)\s*\([^;{]*\)\s*\{", re.M)
_INLINE = re.compile(r"^\w*INLINE\b[^;{]*?\b(espdl_\w+)\s*\([^;{]*\)\s*\{.*?^\}", re.M | re.S)
_WORD = re.compile(r"\bespdl_\w+")
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


@dataclass(frozen=True)
class _File:
    """`content` is what the library gets: includes that climb out of the component's folder name the library's."""

    place: str
    content: str

    @property
    def name(self) -> str:
        return self.place.rpartition("/")[2]


def needed(generated: Iterable[str], backends: Sequence[str]) -> Mapping[str, str]:
    """Path in the library -> text, of the files of the component for C files whose text is `generated`.

    `backends` are those of the plan's calls. Raises EspdlError where the component is not complete.
    """
    ports = [backend for backend in sorted(set(backends)) if backend in PORTS]
    files = _all_files(ports)
    if not files:
        raise EspdlError(
            "the library",
            f"the C sources of the runtime are not in {COMPONENT}",
            "use the espdl of a clone of the repository, or of the component in an ESP-IDF project",
        )
    headers = {file.name: file for file in files if file.name.endswith(".h")}
    definitions = {
        symbol: file
        for file in files
        if file.name.endswith(".c")
        for symbol in _defined(file.content) or _defined(_included(file, headers))
    }
    inline = _inline_functions(ports)
    found: dict[str, str] = {}
    waiting = list(generated)
    while waiting:
        text = _COMMENT.sub("", waiting.pop())
        includes = set(_INCLUDE.findall(text))
        waiting += [inline.pop(symbol) for symbol in set(_WORD.findall(text)) & set(inline)]
        wanted = [headers[name] for name in {i.rpartition("/")[2] for i in includes if _is_private(i)} & set(headers)]
        wanted += [definitions[symbol] for symbol in set(_WORD.findall(text)) & set(definitions)]
        for file in wanted:
            if file.place not in found:
                found[file.place] = file.content
                waiting.append(file.content)
        for place, path in _public(includes, ports).items():
            if place not in found:
                found[place] = path.read_text("utf-8")
                waiting.append(_includes_only(found[place]))
    return dict(sorted(found.items()))


def _defined(text: str) -> list[str]:
    return _DEFINITION.findall(_COMMENT.sub("", text))


def _inline_functions(ports: Sequence[str]) -> dict[str, str]:
    """The text of those that public headers of the ports have, by name."""
    headers = [path for port in ports for path in sorted((COMPONENT / _INCLUDES[port]).rglob("*.h"))]
    texts = [_COMMENT.sub("", path.read_text("utf-8")) for path in headers]
    return {match[1]: match[0] for text in texts for match in _INLINE.finditer(text)}


def _included(file: _File, headers: Mapping[str, _File]) -> str:
    """The private headers of a C file: of one that only chooses among them, they have the definitions."""
    names = (include.rpartition("/")[2] for include in _INCLUDE.findall(file.content) if _is_private(include))
    return "".join(headers[name].content for name in names if name in headers)


def _is_private(include: str) -> bool:
    return "/" not in include or include.startswith("../")


def _all_files(ports: Sequence[str]) -> list[_File]:
    places = dict(RUNTIME)
    for port in ports:
        places |= PORTS[port]
    by_folder = {(COMPONENT / folder).resolve(): place for place, folder in places.items()}

    def text_of(path: Path) -> str:
        def climb(match: re.Match) -> str:
            target = (path.parent / match[1]).resolve()
            return match[0].replace(match[1], f"../{by_folder[target.parent]}/{target.name}")

        return re.sub(r'^#include "(\.\./[^"]+)"', climb, path.read_text("utf-8"), flags=re.M)

    paths = [(place, path) for folder, place in by_folder.items() for path in sorted(folder.glob("*.[ch]"))]
    return [_File(f"{place}/{path.name}", text_of(path)) for place, path in paths]


def _public(includes: Iterable[str], ports: Sequence[str]) -> dict[str, Path]:
    """The public headers among `includes`, which keep their path: `espdl/kernels/add.h`."""
    roots = [COMPONENT / _INCLUDES[key] for key in ("", *ports)]
    return {name: root / name for name in includes for root in roots if (root / name).is_file()}


def _includes_only(text: str) -> str:
    """A public header declares more than anybody needs: what counts are the headers that it includes in turn."""
    return "\n".join(f'#include "{name}"' for name in _INCLUDE.findall(text))

# SPDX-License-Identifier: Apache-2.0
"""Weights that an ONNX model keeps in files of their own. Only files below the model's folder are ever opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import AttributeProto, TensorProto

from espdl.errors import EspdlError


def external_files(proto: onnx.ModelProto, path: Path, label: str) -> tuple[Path, ...]:
    """The external data files of the model, checked to exist below its folder."""
    folder = path.parent.resolve()
    found: dict[Path, None] = {}
    for tensor in _tensors(proto.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        what = f"{label}: tensor '{tensor.name}'"
        if "\0" in location:
            location = ""
        candidate = Path(location.replace("\\", "/"))
        resolved = (folder / candidate).resolve()
        if not location or candidate.is_absolute() or ":" in location or not resolved.is_relative_to(folder):
            raise EspdlError(
                what,
                f"its external data ('{location}') lies outside the model's folder",
                "keep the data file beside the .onnx file",
            )
        if not resolved.is_file():
            raise EspdlError(what, f"its external data file '{location}' is missing", "copy it beside the .onnx file")
        found[resolved] = None
    return tuple(found)


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                yield attribute.t
            elif attribute.type == AttributeProto.TENSORS:
                yield from attribute.tensors
            elif attribute.type == AttributeProto.GRAPH:
                yield from _tensors(attribute.g)
            elif attribute.type == AttributeProto.GRAPHS:
                for sub in attribute.graphs:
                    yield from _tensors(sub)

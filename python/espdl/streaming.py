# SPDX-License-Identifier: Apache-2.0
"""What STREAM, HOP and EDGES ask for, against the model: which input, along which of its axes, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from espdl.errors import EspdlError, Node, UsageError
from espdl.frontend import Model
from espdl.options import Options
from espdl.plan.streams import NoStream
from espdl.plan.types import Port, Tensor
from espdl.wording import option


@dataclass(frozen=True)
class Request:
    """A push brings `hop` rows of the model's `input`; `axis` as it was asked for, None where it was not; `rank` of the
    input."""

    input: str
    axis: int | None
    hop: int
    rank: int


def request(options: Options, model: Model) -> Request:
    """Raises UsageError where the options do not fit each other, or the model has no such input."""
    what = option("stream", options.stream)
    if not options.stream:
        raise UsageError(
            option("hop", str(options.hop)), "there is no stream", f"name its input: {option('stream')} ..."
        )
    if not options.hop:
        raise UsageError(what, f"there is no {option('hop')}", "say how many rows come at a time")
    for name in ("memory", "input_memory"):
        default = Options.__dataclass_fields__[name].default
        if getattr(options, name) != default:
            raise UsageError(
                what,
                f"{option(name, getattr(options, name))} is not for streams, whose rows are pushed",
                f"say {option(name, str(default))} for this model",
            )
    by_name = {value.name: value for value in model.inputs}
    name, _, text = options.stream.rpartition(":") if options.stream not in by_name else (options.stream, "", "")
    if name not in by_name:
        name = options.stream if not name else name
    if name not in by_name:
        raise UsageError(what, f"the model has no input '{name}'", f"name one of {', '.join(map(repr, by_name))}")
    rank = len(by_name[name].shape)
    try:
        axis = int(text) if text else None
    except ValueError:
        raise UsageError(what, f"'{text}' is no axis", f"give a number, such as {name}:1") from None
    if axis is not None and not -rank <= axis < rank:
        raise UsageError(what, f"the input has {rank} axes", f"give an axis from 0 to {rank - 1}")
    return Request(name, axis if axis is None else axis % rank, options.hop, rank)


def check_axis(request: Request, port: Port, tensor: Tensor) -> None:
    """Raises UsageError where the axis that was asked for is not the one along which layers compute rows, or where
    each row has a scale of its own."""
    axis = _axis(port, tensor)
    features = port.features
    if features is not None and features.axis == axis and max(len(features.scales), len(features.offsets)) > 1:
        raise UsageError(
            option("stream", request.input),
            f"the model subtracts or divides by other numbers at each place of axis {axis}, along which moments move",
            "export the model with one scale and offset for all moments, or one for each channel",
        )
    if request.axis is not None and request.axis != axis:
        raise UsageError(
            option("stream", f"{request.input}:{request.axis}"),
            f"the layers behind this input compute rows of its axis {axis}",
            f"stream along that axis ({request.input}:{axis}), or export the model with time there",
        )


def _axis(port: Port, tensor: Tensor) -> int:
    """Of the model's input, the axis of time."""
    if port.layout == "NTC":
        return 2
    large = [axis for axis, size in enumerate(tensor.shape) if axis and size != 1]
    axis = large[0] if large else 1
    return axis + 1 if port.layout == "NHWC" else axis


@contextmanager
def refusals(label: str) -> Iterator[None]:
    """Raises EspdlError for the layer that is in the way of a stream."""
    try:
        yield
    except NoStream as refused:
        nodes = refused.call.source_nodes if refused.call is not None else ()
        what = f"{label}: {option('stream')}"
        if nodes:
            raise EspdlError.at(label, Node(nodes[0]), refused.reason, refused.remedy) from refused
        raise EspdlError(what, refused.reason, refused.remedy) from refused

# SPDX-License-Identifier: Apache-2.0
"""The Plan: everything that emitter, memory planner, report and reference runner need to know, and nothing of TVM.

All types are frozen dataclasses that survive a round trip through JSON bit for bit (`Plan.to_json`, `Plan.from_json`).
No stage after the planner knows an operator by name: a `KernelCall` names its C function, and its `params` are both the
fields of the C parameter struct and what the numpy reference reads.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from espdl.errors import present
from espdl.plan.params import Params, struct
from espdl.plan.rows import Bands, Change, Kept, Reach, Region, Rows, Sharing
from espdl.plan.stream_types import State, Stream, StreamRows, StreamRun
from espdl.plan.turns import Channels, Part, Turn
from espdl.quantization import Quantization

ITEM_BYTES = {
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "float32": 4,
    "int64": 8,
    "float64": 8,
}

# Fields that JSON leaves out where they have their default.
_SPARSE = {"sparse": True}

# The function of a call that is none: the application gives the rows of its output (espdl_stripes.h).
ASK_ROWS = "espdl_ask_rows"

# What a tensor at the caller takes of the arena: a pointer, and a word that says whether it is set (src/inputs.h).
POINTER_BYTES = 16

# What the places of tensors in the arena are multiples of, parts of other tensors apart.
ALIGNMENT = 16

# Instructions of a kernel once, per output value and per product (`KernelCall.work`).
Cost = tuple[float, float, float]

_Params = TypeVar("_Params", bound=Params)

# What real numbers are quantised to. Other integers are numbers themselves.
QUANTIZED = frozenset({"int8", "uint8", "int16", "uint16"})


@dataclass(frozen=True)
class Tensor:
    """A value that one call writes and others read.

    `shape` is the order in memory (row major), batch included. `real = scale * (q - zero_point)`; `scale` is None
    for tensors that are not quantised. `alias_of` names the tensor whose memory this one shares, `alias_offset` bytes
    behind its start. Where it is a part of the rows of that tensor (along the last axis), `pitch` bytes go from one of
    its rows to the next; 0: they lie one behind the other. `offset` is the place in the arena in bytes, None until
    memory is planned. `limits` are the least and the largest integer it can hold, where its writer's activation
    promises more than the dtype does. `source` is where an input comes from: "" is the arena; "caller" memory of the
    application, which a run reads and never writes, and at `offset` is a pointer to it; "rows" are given by the
    application when a run asks for them, and the tensor is in no memory; "stream": rows of it are pushed; "state": the
    run before wrote it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int = 0
    alias_of: str | None = None
    alias_offset: int = 0
    pitch: int = 0
    offset: int | None = None
    limits: tuple[int, int] | None = None
    source: str = field(default="", metadata=_SPARSE)

    @property
    def at_caller(self) -> bool:
        return self.source == "caller"

    @property
    def quantization(self) -> Quantization | None:
        return None if self.scale is None else Quantization(self.scale, self.zero_point, self.dtype)

    def with_quantization(self, known: Quantization | None) -> Tensor:
        """The same tensor, and what its integers stand for."""
        scale, zero_point = (None, 0) if known is None else (float(known.scale), int(known.zero_point))
        return dataclasses.replace(self, scale=scale, zero_point=zero_point)

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.count * ITEM_BYTES[self.dtype]

    @property
    def row_bytes(self) -> int:
        """Of its last axis."""
        return (self.shape[-1] if self.shape else 1) * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class Constant:
    """A logical constant of a call: weights as the operator defines them, never as a kernel packs them."""

    name: str
    data: np.ndarray

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Constant)
            and self.name == other.name
            and self.data.dtype == other.data.dtype
            and np.array_equal(self.data, other.data, equal_nan=self.data.dtype.kind == "f")
        )


@dataclass(frozen=True)
class KernelCall:
    """One layer: `function(&params, inputs..., packed constants..., outputs..., scratch?, state?)`.

    `operator` names the operator of `espdl.ops` whose `reference` gives this call's exact result.
    `params` are the C struct in front; None: there is none. `packing` names how the constants become the kernel's
    constant arguments. `in_place` lists pairs (input, output) that may share memory. `overlaps` lists (input,
    output, offset): an output that begins `offset` bytes or more before the input may run into it; the kernel reads
    what it needs before it writes there. `pitched` are those of the fields "input_pitch" and "output_pitch" that
    the kernel has, and that may be made larger: the bytes from one row of the last axis of its first input (output)
    to the next. `concatenates` says that the call does no more than to put its first inputs one behind the other,
    row by row: how many bytes each has in a row of the output. `alignment` is what the addresses of its tensors
    must be a multiple of.
    `scratch_bytes` of the arena belong to the call while it runs, at `scratch_offset` once memory is planned; a kernel
    that has none gets no scratch argument.
    `prepare` names a function that init calls once per instance with the arguments of `function`; what it leaves in the
    `state_bytes` at `state_offset`, the last argument of both, is there in every run.
    `rows` says how it computes some rows of its output alone, for calls of a region or of two cores; None: all of them
    at once. `channels` says the same of channels, for two cores.
    `products` is how many multiplications it makes where they are not `macs`; without any, how many values a reduction
    reads, rows it divides, or pieces it moves. `trade`: how many more bytes of constants it takes than the usual
    kernel, and about how many instructions it saves by them.
    `fetched_bytes`: what a run reads of its constants, those of each time that the cache does not hold; 0: not known.
    `notes` are sentences for the report (why not a faster kernel, ...).
    """

    operator: str
    function: str
    params: Params | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: tuple[Constant, ...] = ()
    packing: str = "plain"
    header: str = ""
    backend: str = ""
    in_place: tuple[tuple[int, int], ...] = ()
    overlaps: tuple[tuple[int, int, int], ...] = ()
    pitched: tuple[str, ...] = ()
    concatenates: tuple[int, ...] = ()
    alignment: int = 1
    scratch_bytes: int = 0
    scratch_offset: int | None = None
    prepare: str = ""
    state_bytes: int = 0
    state_offset: int | None = None
    macs: int = 0
    source_nodes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    exact: bool = True
    rows: Rows | None = field(default=None, metadata=_SPARSE)
    channels: Channels | None = field(default=None, metadata=_SPARSE)
    products: int = field(default=0, metadata=_SPARSE)
    fetched_bytes: int = field(default=0, metadata=_SPARSE)
    trade: tuple[int, int] = field(default=(0, 0), metadata=_SPARSE)

    @property
    def work(self) -> int:
        """Its multiplications, or what it has instead, by which kernels' costs are estimated."""
        return self.products or self.macs

    @property
    def asks(self) -> bool:
        """Whether the application computes it, row by row."""
        return self.function == ASK_ROWS

    @property
    def reads(self) -> tuple[str, ...]:
        """The inputs without the repetitions that fill up the arguments of a call for fewer parts."""
        return self.inputs[: len(self.concatenates)] if self.concatenates else self.inputs

    def params_of(self, kind: type[_Params]) -> _Params:
        """The parameters, which are of this kind; TypeError where they are not."""
        if not isinstance(self.params, kind):
            raise TypeError(f"{self.function} has {type(self.params).__name__}, not {kind.__name__}")
        return self.params

    def constant(self, name: str) -> np.ndarray:
        return next(c.data for c in self.constants if c.name == name)


@dataclass(frozen=True)
class Features:
    """A real value of feature f is scales[f] * (q - zero point of the tensor) + offsets[f]. The tensor's own scale is
    that of the network behind. `axis` of the model's shape is that of the features; one of each is for all values."""

    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    axis: int


@dataclass(frozen=True)
class Port:
    """An input or output of the model as the application sees it.

    `name` is the ONNX name, `tensor` the tensor that holds it, `layout` how to read its `shape`: "NCHW", "NHWC", "NTC"
    (time, channels; the model has them the other way round) or "".
    `features`: what its real values are, where they have several scales or an offset. `integers`: they are the stored
    integers themselves, whatever the network takes these for.
    """

    name: str
    tensor: str
    layout: str = ""
    features: Features | None = field(default=None, metadata=_SPARSE)
    integers: bool = field(default=False, metadata=_SPARSE)


@dataclass(frozen=True)
class Plan:
    """A compiled model. `calls` are in execution order; sources of generated (fallback) kernels are in `functions`.

    `regions`, in order, are the calls that run stripe by stripe; `stream`, where rows of an input are pushed, those
    that compute new rows alone. `states` are inputs whose values are outputs of the run before. `turns` are all that
    two cores do; none: there is one.
    """

    tensors: tuple[Tensor, ...]
    calls: tuple[KernelCall, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    functions: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "affine"
    target: str = "generic"
    arena_bytes: int = 0
    arena_lower_bound: int = 0
    regions: tuple[Region, ...] = field(default=(), metadata=_SPARSE)
    stream: Stream | None = field(default=None, metadata=_SPARSE)
    states: tuple[State, ...] = field(default=(), metadata=_SPARSE)
    turns: tuple[Turn, ...] = field(default=(), metadata=_SPARSE)

    def tensor(self, name: str) -> Tensor:
        return self.by_name[name]

    @property
    def by_name(self) -> dict[str, Tensor]:
        cached = self.__dict__.get("_index")
        if cached is None:
            cached = {t.name: t for t in self.tensors}
            object.__setattr__(self, "_index", cached)
        return cached

    @property
    def macs(self) -> int:
        return sum(call.macs for call in self.calls)

    @property
    def state_bytes(self) -> int:
        """Of `arena_bytes`, at the end: what calls keep between runs."""
        offsets = [call.state_offset for call in self.calls if call.state_offset is not None and call.state_bytes]
        if self.stream is not None:
            kept = [rows.offset for rows in self.stream.tensors if rows.persists]
            offsets += [offset for offset in (*kept, self.stream.state_offset) if offset is not None]
        offsets += [present(self.tensor(state.input).offset) for state in self.states]
        return self.arena_bytes - min(offsets, default=self.arena_bytes)

    def to_json(self) -> str:
        return json.dumps(_encode(self), indent=1, sort_keys=True) + "\n"

    @staticmethod
    def from_json(text: str) -> Plan:
        return _decode(json.loads(text))


_TYPES = {
    cls.__name__: cls
    for cls in (
        Tensor, Constant, KernelCall, Features, Port, Plan, Rows, Reach, Change, Sharing, Bands, Region, Kept, Stream,
        StreamRows, StreamRun, State, Channels, Part, Turn,
    )
}  # fmt: skip


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        sparse = {f.name: f.default for f in dataclasses.fields(value) if f.metadata.get("sparse")}
        kept = {k: _encode(v) for k, v in fields.items() if k not in sparse or v != sparse[k]}
        return {"type": value.c_type if isinstance(value, Params) else type(value).__name__, **kept}
    if isinstance(value, np.ndarray):
        data = np.asarray(value, order="C")
        return {
            "type": "array",
            "dtype": data.dtype.str,
            "shape": list(data.shape),
            "base64": base64.b64encode(data.tobytes()).decode("ascii"),
        }
    if isinstance(value, Mapping):
        return {"type": "mapping", "items": [[k, _encode(v)] for k, v in value.items()]}
    if isinstance(value, (tuple, list)):
        return [_encode(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(v) for v in value)
    if not isinstance(value, dict):
        return value
    kind = value["type"]
    if kind == "array":
        raw = base64.b64decode(value["base64"])
        return np.frombuffer(raw, dtype=value["dtype"]).reshape(value["shape"]).copy()
    if kind == "mapping":
        return {k: _decode(v) for k, v in value["items"]}
    return (_TYPES.get(kind) or struct(kind))(**{k: _decode(v) for k, v in value.items() if k != "type"})

# SPDX-License-Identifier: Apache-2.0
"""Inputs as sensors give them: what a model does to one before its first layer becomes part of that layer, or of how
the application quantises.

- Integers of 8 or 16 bits are read as they are: each is worth 1, and the steps behind the Cast (scaling, mean and
  deviation, permutations) go into the weights and the bias of the first layer. Where that layer has a border, which
  must hold what stands for zero, bytes are centred at it if all channels have the same, or if the kernels take a border
  with a number for each; else the steps stay, as one.
- Float inputs go the same way. Where their features reach differently far, each gets a scale and an offset of its own
  in the application, and the first layer's weights take these back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto

from espdl.quantization import Quantization
from espdl.quantize import input_forms
from espdl.quantize.edit import Edit, inferred
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.inputs import features
from espdl.quantize.inputs.layers import BIAS_OF_MATMUL, FirstLayer, first_layers, folded
from espdl.quantize.inputs.steps import End, ends
from espdl.quantize.types import Settings

Samples = Iterable[Mapping[str, np.ndarray]]
# By how much what stands for zero may differ between channels.
_ALIKE = 1e-3


@dataclass(frozen=True)
class _Change:
    """Behind the Cast of the input `name`, or behind itself where it is floats, come `steps`: (operator, constant).
    Then what `layers` read is factor * that + offset, per index of their axis; without layers, the tensor at `end` is
    it. `centres`: by name of a layer's node what it takes away from each of its channels first."""

    name: str
    steps: Sequence[tuple[str, np.ndarray]]
    layers: Sequence[tuple[FirstLayer, np.ndarray, np.ndarray]] = ()
    end: End | None = None
    centres: Mapping[str, np.ndarray] = field(default_factory=dict)


def prepare(proto: onnx.ModelProto, samples: Samples, settings: Settings) -> tuple[onnx.ModelProto, bool]:
    """The float model with such inputs, and whether scales of theirs end at a Cast from floats to floats."""
    graph = Graph(proto)
    seen = features.observe(graph, samples)
    states = {source for source, _ in settings.ties}  # each has the scale of an output
    for name in graph.inputs:
        if name in states:
            continue
        graph = Graph(proto)
        found = ends(graph, name) if graph.is_float(name) or graph.elem_type(name) in input_forms.SMALL else None
        change = None if not found else _change(graph, name, found, seen, settings)
        if change is not None:
            proto = _applied(graph, change) or proto
    return _with_borders(proto, settings.precision == "int16x8")


def _change(
    graph: Graph, name: str, found: Sequence[End], seen: Mapping[str, features.Seen], settings: Settings
) -> _Change | None:
    layers = first_layers(graph, found)
    if graph.is_float(name):
        return _of_floats(graph, name, layers, found, seen.get(name), settings)
    if all(end.path.steps == 0 for end in found):
        return None if name in input_forms.casts(graph) else _rest(graph, name, found, settings)
    if layers is None:
        return _rest(graph, name, found, settings)
    by_border = any(layer.pads for layer in layers) and _needs_border(graph, name, layers, settings)
    if not by_border:
        return _Change(name, (), [(layer, layer.factor, layer.offset) for layer in layers])
    centre = _centre(graph, name, layers, settings)
    if centre is None:
        return _centred_channels(graph, name, layers, settings) or _rest(graph, name, found, settings)
    centred = [(layer, layer.factor, layer.offset + layer.factor * centre) for layer in layers]
    return _Change(name, [("Sub", np.array(centre, np.float32))], centred)


def _needs_border(graph: Graph, name: str, layers: Sequence[FirstLayer], settings: Settings) -> bool:
    """Whether some layer's border would have to hold something else than the integer 0, or not all kernels could."""
    unsigned = graph.elem_type(name) == TensorProto.UINT8
    return any(layer.pads and (layer.offset.any() or (unsigned and _holds_zero(layer, settings))) for layer in layers)


def _holds_zero(layer: FirstLayer, settings: Settings) -> bool:
    """Whether the border of a layer can hold only the integer 0."""
    plain = settings.scheme == "power_of_two" and not settings.zero_points_anywhere
    return plain and layer.pads and not _takes_any_border(layer, settings)


def _takes_any_border(layer: FirstLayer, settings: Settings) -> bool:
    """Whether the border of a layer may hold any integers, one for each channel; of windows no larger than the image,
    because none may have such taps on both sides."""
    node = layer.node
    if not settings.any_borders or settings.precision == "int16x8" or node.op_type != "Conv":
        return False
    kernel, image = attribute(node, "kernel_shape", []), layer.path.factor.shape[2:]
    dilations = attribute(node, "dilations", [1] * len(kernel))
    fits = all((k - 1) * d < size for k, d, size in zip(kernel, dilations, image))
    return len(kernel) == 2 and fits and attribute(node, "group", 1) == 1


def _centre(graph: Graph, name: str, layers: Sequence[FirstLayer], settings: Settings) -> int | None:
    """The integer nearest to what stands for zero in every layer with a border, where all its channels agree."""
    found = [-layer.offset / layer.factor for layer in layers if layer.pads and np.all(layer.factor != 0.0)]
    values = np.concatenate(found) if found else np.zeros(0)
    info = np.iinfo(onnx.helper.tensor_dtype_to_np_dtype(graph.elem_type(name)))
    if not values.size or np.ptp(values) > _ALIKE:
        return None
    centre = int(np.floor(values[0] + 0.5 + _ALIKE))  # 127.5 is 128, which leaves a zero point of 0
    if graph.elem_type(name) in input_forms.BYTES and settings.precision != "int16x8":
        only_zero = any(_holds_zero(layer, settings) for layer in layers)
        if only_zero and centre + input_forms.BYTES[graph.elem_type(name)] != 0:
            return None
    return centre if info.min <= centre <= info.max else None


def _centred_channels(graph: Graph, name: str, layers: Sequence[FirstLayer], settings: Settings) -> _Change | None:
    """Each channel centred at the integer nearest to its zero, by the layers with a border themselves."""
    kind = graph.elem_type(name)
    if kind not in input_forms.BYTES:
        return None
    info = np.iinfo(onnx.helper.tensor_dtype_to_np_dtype(kind))
    changed, centres = [], {}
    for layer in layers:
        centre = np.zeros(len(layer.factor))
        if layer.pads:
            if not _takes_any_border(layer, settings) or not layer.factor.all():
                return None
            centre = np.floor(-layer.offset / layer.factor + 0.5 + _ALIKE)
            if centre.min() < info.min or centre.max() > info.max:
                return None
            centres[layer.node.name] = centre.astype(np.float32).reshape(1, -1, 1, 1)
        changed.append((layer, layer.factor, layer.offset + layer.factor * centre))
    return _Change(name, (), changed, centres=centres)


def _rest(graph: Graph, name: str, found: Sequence[End], settings: Settings) -> _Change | None:
    """All steps as one, where the input has one end."""
    paths = {end.path.tensor: end for end in found}
    if len(paths) != 1 or any(end.node is None for end in found):
        return None
    end = next(iter(paths.values()))
    if not graph.is_float(end.path.tensor):
        return None
    if end.path.steps == 0:
        return _Change(name, (), end=end)
    shape, back = graph.shape(name), np.argsort(end.path.place.reshape(-1))
    factor, offset = (values.reshape(-1)[back].reshape(shape) for values in (end.path.factor, end.path.offset))
    constants = features.along_one_axis(factor, offset)
    if constants is None:
        return None
    is_wide = settings.precision == "int16x8" or graph.elem_type(name) in input_forms.WORDS
    factor, offset = (constant.astype(np.float32) for constant in constants)
    return _Change(name, [("Mul", factor), ("Sub", -offset) if is_wide else ("Add", offset)], end=end)


def _of_floats(
    graph: Graph,
    name: str,
    layers: Sequence[FirstLayer] | None,
    found: Sequence[End],
    seen: features.Seen | None,
    settings: Settings,
) -> _Change | None:
    if seen is None:
        return None
    if layers is None:
        return _scaled_at_port(graph, name, found)
    scaled = features.choose(graph, name, layers, seen, settings)
    if scaled is not None:
        changed = [
            (layer, layer.factor * s, layer.factor * o + layer.offset)
            for layer, s, o in ((layer, *scaled.of(layer)) for layer in layers)
        ]
        return _Change(name, [("Sub", scaled.offset), ("Div", scaled.scale)], changed)
    if all(layer.path.steps == 0 for layer in layers) or any(layer.pads and layer.offset.any() for layer in layers):
        return None
    return _Change(name, (), [(layer, layer.factor, layer.offset) for layer in layers])


def _scaled_at_port(graph: Graph, name: str, found: Sequence[End]) -> _Change | None:
    """Steps with a number per feature, whatever reads their result, are for the application to compute."""
    if len({end.path.tensor for end in found}) != 1 or any(end.node is None for end in found):
        return None
    end = found[0]
    if end.path.steps == 0:
        return None
    back = np.argsort(end.path.place.reshape(-1))
    shape = graph.shape(name)
    factor, offset = (values.reshape(-1)[back].reshape(shape) for values in (end.path.factor, end.path.offset))
    constants = features.along_one_axis(factor, offset)
    if constants is None or constants[0].size == 1 or not (constants[0] > 0.0).all():
        return None
    offsets, divisors = -constants[1] / constants[0], 1.0 / constants[0]
    return _Change(name, [("Sub", offsets.astype(np.float32)), ("Div", divisors.astype(np.float32))], end=end)


def _applied(graph: Graph, change: _Change) -> onnx.ModelProto | None:
    """The model with it; None where a layer's constants do not fit."""
    edit, tensor = Edit(graph.proto), change.name
    made = [(layer, folded(graph, layer, factor, offset)) for layer, factor, offset in change.layers]
    if any(constants is None for _, constants in made):
        return None
    if not graph.is_float(change.name):
        tensor = edit.node("Cast", [tensor], edit.names.unique(f"{change.name}_real"), to=TensorProto.FLOAT)
    for operator, constant in change.steps:
        value = edit.constant(f"{change.name}_{operator.lower()}", np.asarray(constant, np.float32))
        tensor = edit.node(operator, [tensor, value], edit.names.unique(f"{change.name}_{operator.lower()}_result"))
    first = list(edit.nodes)
    edit.nodes = []
    moved: dict[tuple[str, ...], str] = {(): tensor}
    replaced: dict[str, str] = {}
    if change.end is not None:
        replaced[change.end.path.tensor] = _moved(edit, change.end, moved)
    at = {layer.node.name: (layer, constants) for layer, constants in made if constants is not None}
    moves = list(edit.nodes)
    edit.nodes = [*first]
    for node in edit.proto.graph.node:
        if node.name in at:
            layer, constants = at[node.name]
            node.input[0] = _moved(edit, End(layer.path, None), moved)
            if node.name in change.centres:
                node.input[0] = _centred(edit, node.input[0], change.centres[node.name])
            _rewritten(edit, graph, node, constants)
            continue
        edit.nodes.append(node)
    if change.end is not None:
        edit.nodes = [*first, *moves, *edit.nodes[len(first) :]]
        for node in edit.nodes[len(first) + len(moves) :]:
            node.input[:] = [replaced.get(i, i) for i in node.input]
    return _cleaned(edit)


def _moved(edit: Edit, end: End, moved: dict[tuple[str, ...], str]) -> str:
    """The moves of a path once more, behind the tensor that `moved` has for none; each only once."""
    keys: tuple[str, ...] = ()
    for move in end.path.moves:
        before, keys = moved[keys], (*keys, move.name)
        if keys not in moved:
            name = edit.names.unique(f"{move.output[0]}_moved")
            made = onnx.NodeProto()
            made.CopyFrom(move)
            made.name, made.output[0], made.input[0] = edit.names.unique(f"{move.name}_moved"), name, before
            edit.nodes.append(made)
            moved[keys] = name
    return moved[keys]


def _centred(edit: Edit, tensor: str, centres: np.ndarray) -> str:
    result = edit.names.unique(f"{tensor}_centred")
    edit.node("Sub", [tensor, edit.constant(f"{tensor}_centres", centres)], result)
    input_forms.mark_centres(edit.proto, edit.nodes[-1])
    return result


def _rewritten(edit: Edit, graph: Graph, node: onnx.NodeProto, constants: Mapping[int, np.ndarray]) -> None:
    """`node`, appended, with other constants; what a MatMul cannot add itself comes behind it."""
    for index, values in constants.items():
        if index == BIAS_OF_MATMUL:
            continue
        while len(node.input) <= index:
            node.input.append("")
        node.input[index] = edit.constant(f"{node.output[0]}_{index}", values.astype(np.float32))
    edit.nodes.append(node)
    added = constants.get(BIAS_OF_MATMUL)
    if added is None or not np.any(added):
        return
    follower = graph.only_consumer(node.output[0])
    held = [i for i in follower.input if graph.is_constant(i)] if follower is not None else []
    target = next((n for n in edit.proto.graph.node if follower is not None and n.name == follower.name), None)
    if target is not None and target.op_type == "Add" and len(held) == 1 and graph.array(held[0]).ndim == 1:
        total = graph.array(held[0]).astype(np.float64) + added
        target.input[:] = [
            edit.constant(f"{target.output[0]}_bias", total.astype(np.float32)) if i == held[0] else i
            for i in target.input
        ]
        return
    result, product = node.output[0], edit.names.unique(f"{node.output[0]}_product")
    node.output[0] = product
    bias = edit.constant(f"{result}_offset", added.astype(np.float32))
    edit.node("Add", [product, bias], result, name=edit.names.unique(f"{node.name}_offset"))


def _cleaned(edit: Edit) -> onnx.ModelProto:
    """The finished model without nodes that nothing reads."""
    read = {o.name for o in edit.proto.graph.output}
    kept = []
    for node in reversed(edit.nodes):
        if any(output in read for output in node.output):
            kept.append(node)
            read |= set(node.input)
    edit.nodes = kept[::-1]
    return inferred(edit.finish())


def _with_borders(proto: onnx.ModelProto, wide: bool) -> tuple[onnx.ModelProto, bool]:
    """Integers of another width than the network's get another scale behind their Cast, by a second one."""
    graph, edit = Graph(proto), Edit(proto)
    network = "int16" if wide else "int8"
    inner, _ = input_forms.inner_tensors(graph)
    held = {
        name: f"{name}_scaled" for name, known in input_forms.exact(graph, wide).items() if _is_other(known, network)
    }
    renamed = {name: edit.names.unique(new) for name, new in held.items() if name not in inner}
    for node in edit.proto.graph.node:
        node.input[:] = [renamed.get(i, i) for i in node.input]
        edit.nodes.append(node)
        for output in node.output:
            if output in renamed:
                edit.node("Cast", [output], renamed[output], to=TensorProto.FLOAT)
    return (inferred(edit.finish()), True) if renamed else (proto, False)


def _is_other(known: Quantization, network: str) -> bool:
    """Whether the network has no such integers: 16 bits of it have no zero point."""
    return known.dtype != network or (network == "int16" and known.zero != 0)

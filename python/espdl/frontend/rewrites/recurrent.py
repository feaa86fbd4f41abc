# SPDX-License-Identifier: Apache-2.0
"""LSTM and GRU in the one form that kernels take: a node per direction, forward, sequence first.

What else a node says (direction, layout, lengths, states of zeros, the last states as outputs) becomes nodes around it.
A node that no kernel takes is taken apart step by step (unrolled.py).
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.recurrent import misfit
from espdl.frontend.rewrites import Scope, rewrite, unrolled
from espdl.frontend.rewrites.recurrent_layer import DEFAULTS, FUNCTIONS, INPUTS, Layer, weights


@rewrite("RNN", "GRU", "LSTM")
def recurrent(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    if refusal(node, scope) is not None:
        return None
    layer = Layer(node, scope)
    why = _why_no_kernel(layer)
    if why is not None:
        scope.notes.append(_cost_of_unrolling(layer, why))
        return unrolled.build(layer)
    return None if _is_normal(layer) else _normalize(layer)


def refusal(node: onnx.NodeProto, scope: Scope) -> str | None:
    """Why a node is neither run by a kernel nor taken apart; None where it is."""
    inputs = dict(zip(INPUTS, node.input))
    shape = scope.shape(inputs["X"])
    if shape is None or len(shape) != 3:
        return "the size of its input is not known before it runs"
    for name in "WRBP":
        if inputs.get(name) and weights(inputs[name], scope) is None:
            return f"its weights {name} ('{inputs[name]}') are computed, not constant"
    lengths = scope.array(inputs["lengths"]) if inputs.get("lengths") else None
    if inputs.get("lengths") and lengths is None:
        return "it has sequence lengths that are not constant, and the generated C has only static shapes"
    batch_first = any(a.name == "layout" and a.i for a in node.attribute)
    steps = shape[1] if batch_first else shape[0]
    different = sorted(set([] if lengths is None else lengths.reshape(-1).tolist()))
    if len(different) > 1:
        return f"its sequence lengths differ within the batch: {different}"
    if different and not 0 < different[0] <= steps:
        return f"its sequence length is {different[0]}, and its input has {steps} steps"
    wrong = misfit(node, {name: scope.shape(name) for name in filter(None, node.input)})
    if wrong is not None:
        return wrong
    layer = Layer(node, scope)
    unknown = [name for name, _ in layer.activations if name not in FUNCTIONS]
    if unknown:
        return f"its activation {unknown[0]} is none that the compiler knows ({', '.join(sorted(FUNCTIONS))})"
    if len(layer.activations) != len(DEFAULTS[node.op_type]) * layer.directions:
        return f"it has {len(layer.activations)} activations, not {len(DEFAULTS[node.op_type])} per direction"
    if layer.attributes.get("input_forget", 0):
        return "its gates are coupled (input_forget)"
    return None


def _why_no_kernel(layer: Layer) -> str | None:
    """Why no kernel can run its directions, one after the other, each from its first step to its last."""
    if layer.node.op_type == "RNN":
        return "there is no kernel for RNN"
    if layer.attributes.get("clip"):
        return "its gates are clipped, which no kernel does"
    names = [name for name, _ in layer.activations]
    if names != DEFAULTS[layer.node.op_type] * layer.directions:
        return f"its activations are {', '.join(names)}, and kernels have Sigmoid and Tanh"
    return None


def _cost_of_unrolling(layer: Layer, why: str) -> str:
    """For the report."""
    name, weights_of_one = layer.node.name or layer.chain.base, layer.constants["R"].size
    steps = layer.steps * layer.directions
    return (
        f"node '{name}' ({layer.node.op_type}) is taken apart into {steps} steps, because {why}: every step has layers "
        f"of its own, and up to {weights_of_one * layer.steps:,} recurrent weights are stored instead of "
        f"{weights_of_one:,}"
    )


def _is_normal(layer: Layer) -> bool:
    """Whether it is what `_normalize` makes."""
    allowed = {"hidden_size"} | ({"linear_before_reset"} if layer.node.op_type == "GRU" else set())
    given = [layer.inputs[name] for name in "hcP" if name in layer.inputs]
    zeros = [name for name in given if _is_zero(layer, name)]
    plain = set(layer.attributes) <= allowed and "lengths" not in layer.inputs
    return plain and not zeros and bool(layer.node.output[0]) and not layer.outputs[1]


def _is_zero(layer: Layer, name: str) -> bool:
    values = layer.scope.array(name)
    return values is not None and not np.any(values)


def _normalize(layer: Layer) -> list[onnx.NodeProto]:
    """One node per direction, all of which go forward and give Y, and the last cells where they are read."""
    data = layer.data()
    sequences, last, cells = [], [], []
    for index in range(layer.directions):
        source = layer.backwards(data) if layer.is_backwards(index) else data
        y, c = _one_direction(layer, index, source)
        if layer.outputs[1]:
            last.append(layer.slice(y, 0, layer.steps - 1, layer.steps))
        if layer.outputs[0]:
            sequences.append(layer.backwards(y) if layer.is_backwards(index) else y)
        cells.append(c)
    if layer.outputs[0]:
        layer.sequence(layer.joined(sequences, 1))
    if layer.outputs[1]:
        axis = layer.chain.constant([0], np.int64)
        layer.states([layer.chain.add("Squeeze", value, axis) for value in last], layer.outputs[1])
    layer.states(cells, layer.outputs[2])
    return layer.chain.nodes


def _one_direction(layer: Layer, index: int, source: str) -> tuple[str, str]:
    """Its Y, by which later stages know the layer, and its last cells; '' where nobody reads those."""
    chain, kind = layer.chain, layer.node.op_type
    parts = {name: values[index : index + 1] for name, values in layer.constants.items()}
    names = {name: chain.constant(values) for name, values in parts.items() if name in "WR" or np.any(values)}
    states = [layer.initial(name, index) or "" for name in "hc"]
    inputs = [source, names["W"], names["R"], names.get("B", ""), "", *states, names.get("P", "")]
    while not inputs[-1]:
        inputs.pop()
    late = kind == "GRU" and layer.attributes.get("linear_before_reset", 0)
    # The only one keeps the node's name, by which it is asked for.
    own = layer.node.name if layer.directions == 1 else ""
    name = own or layer.scope.unique(f"{chain.base}/{'backward' if layer.is_backwards(index) else 'forward'}")
    y = layer.scope.unique(f"{name}:0")
    c = layer.scope.unique(f"{name}:2") if layer.outputs[2] else ""
    attributes = {"hidden_size": layer.hidden, **({"linear_before_reset": 1} if late else {})}
    chain.nodes.append(helper.make_node(kind, inputs, [y, "", c] if c else [y], name=name, **attributes))
    return y, c

# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers in the one form that kernels take: a node per direction, forward, sequence first.

What else a node says (direction, layout, lengths, states of zeros, the last states as outputs) becomes nodes around it.
A node that no kernel takes is taken apart step by step (unrolled.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from espdl import traits
from espdl.errors import present
from espdl.frontend.graph import Chain, Results, array, operands, shape
from espdl.frontend.recurrent import misfit
from espdl.frontend.rewrites import rewrite, unrolled
from espdl.frontend.rewrites.recurrent_layer import DEFAULTS, FUNCTIONS, INPUTS, RecurrentLayer, weights


@rewrite("RNN", "GRU", "LSTM")
def recurrent(node: ir.Node, chain: Chain) -> Results | None:
    if refusal(node) is not None:
        return None
    layer = RecurrentLayer(node, chain)
    why = _why_no_kernel(layer)
    if why is not None:
        chain.notes.append(_cost_of_unrolling(layer, why))
        return unrolled.build(layer)
    return None if _is_normal(layer) else _normalize(layer)


def refusal(node: ir.Node) -> str | None:
    """Why a node is neither run by a kernel nor taken apart; None where it is."""
    inputs = dict(zip(INPUTS, operands(node, len(INPUTS))))
    sizes = shape(inputs["X"])
    if sizes is None or len(sizes) != 3:
        return "the size of its input is not known before it runs"
    for name in "WRBP":
        if (value := inputs[name]) is not None and weights(value) is None:
            return f"its weights {name} ('{value.name}') are computed, not constant"
    lengths = array(inputs["lengths"])
    if inputs["lengths"] is not None and lengths is None:
        return "it has sequence lengths that are not constant, and the generated C has only static shapes"
    different = sorted(set([] if lengths is None else lengths.reshape(-1).tolist()))
    if len(different) > 1:
        return f"its sequence lengths differ within the batch: {different}"
    if different and not 0 < different[0] <= sizes[0]:
        return f"its sequence length is {different[0]}, and its input has {sizes[0]} steps"
    wrong = misfit(node)
    if wrong is not None:
        return wrong
    layer = RecurrentLayer(node)
    unknown = [name for name, _ in layer.activations if name not in FUNCTIONS]
    if unknown:
        return f"its activation {unknown[0]} is none that the compiler knows ({', '.join(sorted(FUNCTIONS))})"
    if len(layer.activations) != len(DEFAULTS[node.op_type]) * layer.directions:
        return f"it has {len(layer.activations)} activations, not {len(DEFAULTS[node.op_type])} per direction"
    if layer.attributes.get("input_forget", 0):
        return "its gates are coupled (input_forget)"
    return None


def _why_no_kernel(layer: RecurrentLayer) -> str | None:
    """Why no kernel can run its directions, one after the other, each from its first step to its last."""
    kernels = traits.of(layer.node.op_type).activations
    if not kernels:
        return f"there is no kernel for {layer.node.op_type}"
    if layer.attributes.get("clip"):
        return "its gates are clipped, which no kernel does"
    if any(layer.functions(index) not in kernels for index in range(layer.directions)):
        names = ", ".join(name for name, _ in layer.activations)
        return f"its activations are {names}, and kernels have {' or '.join(' and '.join(k) for k in kernels)}"
    return None


def _cost_of_unrolling(layer: RecurrentLayer, why: str) -> str:
    """For the report."""
    name, weights_of_one = layer.node.name or layer.chain.base, layer.constants["R"].size
    steps = layer.steps * layer.directions
    return (
        f"node '{name}' ({layer.node.op_type}) is taken apart into {steps} steps, because {why}: every step has layers "
        f"of its own, and up to {weights_of_one * layer.steps:,} recurrent weights are stored instead of "
        f"{weights_of_one:,}"
    )


def _is_normal(layer: RecurrentLayer) -> bool:
    """Whether it is what `_normalize` makes."""
    allowed = {"hidden_size", "activations", *_own_attributes(layer, 0)}
    given = (array(layer.inputs[name]) for name in "hcP" if name in layer.inputs)
    zeros = any(values is not None and not np.any(values) for values in given)
    plain = set(layer.attributes) <= allowed and _names_its_functions(layer) and "lengths" not in layer.inputs
    return plain and not zeros and bool(layer.node.outputs[0].name) and not layer.wanted[1]


def _names_its_functions(layer: RecurrentLayer) -> bool:
    """Whether it says its functions as `_own_attributes` does, or ONNX's default for it, which may be filled in."""
    given, own = list(layer.attributes.get("activations", ())), _own_attributes(layer, 0).get("activations", [])
    return given == own or (not own and given == DEFAULTS[layer.node.op_type] * 2)


def _own_attributes(layer: RecurrentLayer, index: int) -> dict[str, Any]:
    """What one direction says besides its size: no defaults."""
    kind, functions = layer.node.op_type, layer.functions(index)
    late = kind == "GRU" and layer.attributes.get("linear_before_reset", 0)
    return {
        **({"linear_before_reset": 1} if late else {}),
        **({} if functions == traits.of(kind).activations[0] else {"activations": list(functions)}),
    }


def _normalize(layer: RecurrentLayer) -> Results:
    """One node per direction, all of which go forward and give Y, and the last cells where they are read."""
    data = layer.data()
    sequences, last, cells = [], [], []
    for index in range(layer.directions):
        backwards = layer.is_backwards(index)
        y, c = _one_direction(layer, index, layer.backwards(data) if backwards else data)
        if layer.wanted[1]:
            end = layer.slice(y, 0, layer.steps - 1, layer.steps)
            last.append(layer.chain.add("Squeeze", end, [0]))
        sequences.append(layer.backwards(y) if backwards and layer.wanted[0] else y)
        cells.append(c)
    return (
        layer.sequence(sequences) if layer.wanted[0] else None,
        layer.joined(last) if layer.wanted[1] else None,
        layer.joined([present(c) for c in cells]) if layer.wanted[2] else None,
    )


def _one_direction(layer: RecurrentLayer, index: int, source: ir.Value) -> tuple[ir.Value, ir.Value | None]:
    """Its Y, by which later stages know the layer, and its last cells; None where nobody reads those."""
    chain, kind = layer.chain, layer.node.op_type
    parts = {name: values[index : index + 1] for name, values in layer.constants.items()}
    w, r, b, p = (v if (v := parts.get(name)) is not None and (name in "WR" or np.any(v)) else None for name in "WRBP")
    inputs = [source, w, r, b, None, *(layer.initial(name, index) for name in "hc"), p]
    while inputs[-1] is None:
        inputs.pop()
    # The only one keeps the node's name, by which it is asked for.
    own = layer.node.name if layer.directions == 1 else ""
    name = own or chain.unique(f"{chain.base}/{'backward' if layer.is_backwards(index) else 'forward'}")
    attributes = {"hidden_size": layer.hidden, **_own_attributes(layer, index)}
    if not layer.wanted[2]:
        return chain.add(kind, *inputs, name=name, **attributes), None
    y, h, c = chain.add(kind, *inputs, outputs=3, name=name, **attributes)
    h.name = ""
    return y, c

# SPDX-License-Identifier: Apache-2.0
"""Removes channels of a quantised network that cannot change its outputs, so that every output stays the same bit for
bit.

Training with weight decay leaves channels whose weights quantise to zero: their output is a constant. A constant goes
into the bias of the layer that reads it, except where that layer's border would have to hold it too. A channel that
nobody multiplies with anything but zero goes as well, and so does what only served to compute it.

Two passes over the steps of the graph: forwards, which channels are constant and which integer they hold; backwards,
which channels their consumers can do without.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from espdl import traits
from espdl.errors import present
from espdl.ops.numerics import int16_multiplier, requantization, requantize, scale_int16
from espdl.quantization import Quantization
from espdl.quantize.graph import attribute
from espdl.quantize.steps import Step, Steps, find, write

# A bias that takes up constants stays below this, as quantisation promises.
_BIAS_LIMIT = 2**29


@dataclass(frozen=True)
class Removed:
    """`channels`: quantised float tensor -> indices that went (axis 1, or the last of two). `text`: lines for the
    report.
    """

    channels: Mapping[str, tuple[int, ...]]
    text: tuple[str, ...]


def remove(proto: onnx.ModelProto, rounding: str, multiple: int = 1) -> tuple[onnx.ModelProto, Removed]:
    """The network without dead channels, and what went. `rounding` is that of the target's kernels.

    Where the channels of a tensor are a multiple of `multiple`, so many dead ones stay that they still are.
    """
    steps = find(proto)
    pruner = _Pruner(steps, rounding, multiple)
    gone = {name: channels for name, channels in pruner.removable().items() if channels}
    if not gone:
        return proto, Removed({}, ())
    result = write(proto, pruner.new_constants(gone), pruner.new_groups(gone))
    name_of = {n.output[0]: n.input[0] for n in steps.graph.nodes if n.op_type == "QuantizeLinear"}
    text = []
    for step in steps.steps:
        if _is_layer(step) and step.output is not None and gone.get(step.output):
            count = pruner.sizes[step.output]
            text.append(f"node '{step.node.name}': {len(gone[step.output])} of {count} channels removed")
    return result, Removed({name_of[n]: tuple(sorted(c)) for n, c in gone.items()}, tuple(text))


def _is_layer(step: Step) -> bool:
    return step.weights is not None and len(step.inputs) == 1 and step.output is not None


class _Pruner:
    def __init__(self, steps: Steps, rounding: str, multiple: int):
        self.steps = steps
        self.rounding = rounding
        self.multiple = multiple
        shapes = {
            v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in steps.graph.proto.graph.value_info
        }
        self.shapes = shapes
        self.sizes = {n: s[1] if len(s) > 2 else s[-1] for n in steps.quantization if (s := shapes.get(n))}
        self.layers = {id(s): _Layer(s, self.sizes) for s in steps.steps if _is_layer(s)}
        self.constant: dict[str, dict[int, int]] = {}
        for step in steps.steps:
            if step.output is not None:
                self.constant[step.output] = self._constants(step)

    def _constants(self, step: Step) -> dict[int, int]:
        """The channels of the step's output that hold one integer whatever the input is."""
        if len(step.inputs) != 1 or step.inputs[0] not in self.sizes or step.output not in self.sizes:
            return {}
        (name,) = step.inputs
        known, x, y = self.constant.get(name, {}), self.steps.quantization[name], self.steps.quantization[step.output]
        layer = self.layers.get(id(step))
        if layer is not None:
            return self._layer_constants(step, layer, known) if layer.kind else {}
        kind = traits.of(step.node.op_type)
        if kind.reshapes and x.same_as(y):
            area = self.sizes[step.output] // self.sizes[name] if self._flattens(step) else 0
            return {c * area + i: q for c, q in known.items() for i in range(area)}
        if not step.activations and kind.keeps_values and (kind.pools or kind.copies) and x.same_as(y):
            return dict(known)
        if not step.activations and kind.pools and kind.averages:  # the mean of zeros is exact in every rounding
            return {c: y.zero for c, q in known.items() if q == x.zero}
        return {}

    def _layer_constants(self, step: Step, layer: _Layer, known: Mapping[int, int]) -> dict[int, int]:
        """A sum is constant where every weight is zero, or meets a constant that the border does not interrupt."""
        x, y = (self.steps.quantization[name] for name in (step.inputs[0], present(step.output)))
        fixed = layer.fixed_inputs(known, x)
        values = np.zeros(layer.inputs, np.int64)
        values[list(fixed)] = [q - x.zero_point for q in fixed.values()]
        open_inputs = np.ones(layer.inputs, bool)
        open_inputs[list(fixed)] = False
        rows = layer.rows
        if layer.kind == "depthwise":
            closed = ~open_inputs | ~rows.any(axis=(1, 2))
            sums = rows.sum(axis=(1, 2)) * values
        else:
            closed = ~(rows[:, open_inputs] != 0).any(axis=(1, 2))
            sums = (rows.sum(axis=2) * values).sum(axis=1)
        ratios = np.float64(x.scale) * layer.scale / np.float64(y.scale)
        accumulator = sums + layer.bias
        found = {}
        low, high = _activation_range(self.steps, step, y)
        bounds = np.abs(layer.bias) + np.abs(rows).sum(axis=(1, 2)) * 32768
        for channel in np.flatnonzero(closed):
            try:
                if y.dtype == "int16":
                    value = int(scale_int16(accumulator[channel], *int16_multiplier(ratios[channel], bounds[channel])))
                else:
                    multiplier, shift = requantization([ratios[channel]], self.rounding)
                    value = int(requantize(accumulator[channel], multiplier[0], shift[0], self.rounding))
            except ValueError:  # no kernel takes this layer as it is
                return {}
            found[int(channel)] = int(np.clip(value + y.zero_point, low, high))
        return found

    def removable(self) -> dict[str, set[int]]:
        """Per quantised tensor the channels that can go; at least one stays."""
        result: dict[str, set[int]] = {}
        made = {step.output for step in self.steps.steps if step.output is not None}
        for step in reversed(self.steps.steps):
            name = step.output
            if name is None or name in result or name not in self.sizes:
                continue
            if name in self.steps.visible or name not in made or not self._may_shrink(step):
                result[name] = set()
                continue
            channels = set(range(self.sizes[name]))
            consumers = self.steps.consumers(name)
            if not consumers or not self._only_steps_read(name, consumers):
                channels = set()
            for consumer in consumers:
                channels &= self._unneeded(consumer, name, result)
            result[name] = self._without_those_that_stay(name, channels)
        return self._consistent(result)

    def _without_those_that_stay(self, name: str, channels: set[int]) -> set[int]:
        """At least one of the tensor's channels stays, or a whole multiple of them."""
        size = self.sizes[name]
        multiple = self.multiple if size % self.multiple == 0 else 1
        stay = max(multiple, -(-(size - len(channels)) // multiple) * multiple)
        return set(sorted(channels)[stay - (size - len(channels)) :])

    def _consistent(self, result: dict[str, set[int]]) -> dict[str, set[int]]:
        """Steps that keep channels need the same ones on both sides: what stays on one side stays on the other."""
        changed = True
        while changed:
            changed = False
            for step in self.steps.steps:
                if step.output is None or not self._keeps_channels(step):
                    continue
                (name,) = step.inputs
                before, after = result.get(name, set()), result.get(step.output, set())
                area = self.sizes[step.output] // self.sizes[name]
                common = {c for c in before if all(c * area + i in after for i in range(area))}
                wide = {c * area + i for c in common for i in range(area)}
                if common != before or wide != after:
                    result[name], result[step.output] = common, wide
                    changed = True
        return result

    def _keeps_channels(self, step: Step) -> bool:
        layer = self.layers.get(id(step))
        if layer is not None:
            return layer.kind == "depthwise"
        kind = traits.of(step.node.op_type)
        if len(step.inputs) != 1 or step.inputs[0] not in self.sizes or step.output not in self.sizes:
            return False
        return kind.pools or kind.copies or (kind.reshapes and self._flattens(step))

    def _may_shrink(self, step: Step) -> bool:
        layer = self.layers.get(id(step))
        return layer.kind != "" if layer is not None else self._keeps_channels(step)

    def _only_steps_read(self, name: str, consumers: list[Step]) -> bool:
        graph = self.steps.graph
        float_names = [n.output[0] for n in graph.consumers.get(name, []) if n.op_type == "DequantizeLinear"]
        if len(float_names) != len(graph.consumers.get(name, [])):
            return False
        nodes = {n.name for f in float_names for n in graph.consumers.get(f, [])}
        return nodes == {s.node.name for s in consumers} and not any(f in graph.outputs for f in float_names)

    def _unneeded(self, consumer: Step, name: str, later: Mapping[str, set[int]]) -> set[int]:
        """The channels of `name` that `consumer` can do without once its own unneeded outputs are gone."""
        if consumer.output is None or len(consumer.inputs) != 1:
            return set()
        gone = later.get(consumer.output, set())
        layer = self.layers.get(id(consumer))
        if layer is None or layer.kind == "depthwise":
            if not self._keeps_channels(consumer):
                return set()
            area = self.sizes[consumer.output] // self.sizes[name]
            return {c for c in range(self.sizes[name]) if all(c * area + i in gone for i in range(area))}
        if layer.kind != "dense":
            return set()
        kept = np.array([r not in gone for r in range(len(layer.rows))])
        x = self.steps.quantization[name]
        unused = set(np.flatnonzero(~(layer.rows[kept] != 0).any(axis=(0, 2))).tolist())
        fixed = layer.fixed_inputs(self.constant.get(name, {}), x)
        bias = np.abs(layer.bias[kept]) + sum(
            np.abs(layer.rows[kept][:, c].sum(axis=1)) * abs(q - x.zero_point) for c, q in fixed.items()
        )
        foldable = {c for c, q in fixed.items() if q == x.zero_point}
        if layer.has_bias and bias.max(initial=0) < _BIAS_LIMIT:
            foldable = set(fixed)
        return unused | foldable

    def _flattens(self, step: Step) -> bool:
        """Whether a reshape makes one row of [1, channels, ...], channel by channel."""
        before, after = self.shapes.get(step.inputs[0], []), self.shapes.get(step.output or "", [])
        return (
            len(before) >= 2 and before[0] == 1 and len(after) == 2 and after[0] == 1 and math.prod(before) == after[1]
        )

    def new_constants(self, gone: Mapping[str, set[int]]) -> dict[str, np.ndarray]:
        """The initialisers that change: weights, scales and biases of layers, and the shapes of reshapes."""
        changed: dict[str, np.ndarray] = {}
        for step in self.steps.steps:
            if len(step.inputs) != 1 or step.output is None:
                continue
            inputs, outputs = gone.get(step.inputs[0], set()), gone.get(step.output, set())
            layer = self.layers.get(id(step))
            if layer is not None and (inputs or outputs):
                x = self.steps.quantization[step.inputs[0]]
                fixed = {c: q - x.zero for c, q in self.constant.get(step.inputs[0], {}).items() if c in inputs}
                changed.update(layer.without(inputs, outputs, fixed))
            elif step.node.op_type == "Reshape" and outputs:
                changed[step.node.input[1]] = np.array([1, self.sizes[step.output] - len(outputs)], np.int64)
        return changed

    def new_groups(self, gone: Mapping[str, set[int]]) -> dict[str, int]:
        """Per depthwise node that changes, its number of groups."""
        layers = [
            (s.node.name, present(s.output), self.layers[id(s)]) for s in self.steps.steps if id(s) in self.layers
        ]
        depthwise = [(node, output) for node, output, layer in layers if layer.kind == "depthwise" and gone.get(output)]
        return {node: self.sizes[output] - len(gone[output]) for node, output in depthwise}


class _Layer:
    """The integers of a convolution or matrix product. `rows` int64 [outputs, inputs, taps] (depthwise: inputs is 1).

    `kind`: "dense", "depthwise", or "" for what this module does not change.
    """

    def __init__(self, step: Step, sizes: Mapping[str, int]):
        self.step = step
        self.weights = present(step.weights)
        node, weights = step.node, self.weights.values
        self.inputs = sizes.get(step.inputs[0], 0)
        self.groups = int(attribute(node, "group", 1))
        self.turned = node.op_type == "MatMul" or (node.op_type == "Gemm" and not attribute(node, "transB", 0))
        matrix = weights.T if self.turned else weights
        self.rows = matrix.reshape(*matrix.shape[:2], -1).astype(np.int64)
        self.scale = np.broadcast_to(np.ravel(self.weights.quantization.scale).astype(np.float64), len(self.rows))
        bias = np.empty(0) if step.bias is None else step.bias.values
        self.has_bias = step.bias is not None and bias.size == len(self.rows)
        self.bias = bias.astype(np.int64).reshape(-1) if self.has_bias else np.zeros(len(self.rows), np.int64)
        self.padded = attribute(node, "auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID") or any(
            attribute(node, "pads", [])
        )
        without_bias = step.bias is None and not any(node.input[2:])
        fits = weights.dtype == np.int8 and (self.has_bias or without_bias) and weights.ndim in (2, 4)
        if fits and self.groups == 1 and self.rows.shape[1] == self.inputs:
            self.kind = "dense"
        elif fits and self.groups == self.inputs == len(self.rows) and self.rows.shape[1] == 1:
            self.kind = "depthwise"
        else:
            self.kind = ""

    def fixed_inputs(self, known: Mapping[int, int], x: Quantization) -> dict[int, int]:
        """The constant inputs that contribute the same to every output pixel: borders hold the zero point."""
        return {c: q for c, q in known.items() if not self.padded or q == x.zero_point}

    def without(self, inputs: set[int], outputs: set[int], fixed: Mapping[int, int]) -> dict[str, np.ndarray]:
        """Initialisers without these channels; `fixed`: what the constant ones among the inputs held, minus the zero
        point.
        """
        weights, bias = self.weights, self.step.bias
        kept_rows = [r for r in range(len(self.rows)) if r not in outputs]
        values = weights.values.T if self.turned else weights.values
        extra = np.zeros(len(self.rows), np.int64)
        if self.kind == "dense":
            for channel, value in fixed.items():
                extra += self.rows[:, channel].sum(axis=1) * value
            values = np.delete(values, sorted(inputs), axis=1)
        values = values[kept_rows]
        changed = {weights.name: values.T if self.turned else values}
        if np.size(weights.quantization.scale) > 1:
            changed[weights.scale_name] = weights.quantization.scales[kept_rows]
            if weights.zero_point_name:
                changed[weights.zero_point_name] = np.zeros(len(kept_rows), np.int8)
        if bias is not None and self.has_bias:
            shape = [len(kept_rows) if d == len(self.rows) else d for d in bias.values.shape]
            changed[bias.name] = (self.bias + extra)[kept_rows].astype(np.int32).reshape(shape)
            if np.size(bias.quantization.scale) > 1:
                changed[bias.scale_name] = bias.quantization.scales[kept_rows]
                if bias.zero_point_name:
                    changed[bias.zero_point_name] = np.zeros(len(kept_rows), np.int32)
        return changed


def _activation_range(steps: Steps, step: Step, y: Quantization) -> tuple[int, int]:
    low, high = y.limits
    for node in step.activations:
        bounds = [0.0, np.inf]
        if node.op_type == "Clip":
            given = [float(steps.graph.array(n)) if n and steps.graph.is_constant(n) else None for n in node.input[1:3]]
            bounds = [b if b is not None else d for b, d in zip([*given, None, None], (-np.inf, np.inf))]
        for bound, is_low in zip(bounds, (True, False)):
            if np.isfinite(bound):
                step_value = int(y.quantize(np.float64(bound)))
                low, high = (max(low, step_value), high) if is_low else (low, min(high, step_value))
    return low, max(low, high)

# SPDX-License-Identifier: Apache-2.0
"""Brings the channels of a tensor to one range, by factors that cancel between the layer before it and the layer
after.

One scale serves all channels of a tensor: a channel that only reaches a tenth of the others' range uses a tenth of the
integers. Through a ReLU or a pool a positive factor passes unchanged (after Nagel et al., "Data-Free Quantization
Through Weight Equalization and Bias Correction", 2019, here with the ranges of activations). It makes the weights
after less even, which costs nothing where they have one scale per channel and belong to one channel each: into a
depthwise convolution the whole difference is evened out, elsewhere half of it. Good for some networks and bad for
others; see `recipe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from espdl import traits
from espdl.quantize.graph import Graph
from espdl.quantize.network import Layer, Network
from espdl.quantize.ranges import observe
from espdl.quantize.refine.layer_by_layer import Sample

# A channel's range grows at most this many times; channels below that part of the largest are dead and stay as they
# are.
_MOST = 64.0
_DEAD = 1e-6


@dataclass(frozen=True)
class _Pair:
    """`first` writes `tensor` (after its activation), whose channels reach only `second`."""

    first: Layer
    second: Layer
    tensor: str


def apply(network: Network, samples: Sequence[Sample]) -> Network | None:
    """The equalised network with statistics of its own; None where it has no pair of layers for it."""
    pairs = _pairs(network)
    if not pairs:
        return None
    current = network
    for index in range(len(pairs)):
        # Each step changes constants only, so that the pairs stay where they are.
        current = _equalized(current, _pairs(current)[index], network)
    statistics = observe(current.graph.proto, current.placement.quantized, samples)
    return Network.of(current.graph.proto, statistics, network.wide)


def _equalized(current: Network, pair: _Pair, original: Network) -> Network:
    peak = original.statistics[pair.tensor].channel_peak
    largest = peak.max(initial=0.0)
    exponent = 1.0 if pair.second.is_depthwise else 0.5
    alive = peak > _DEAD * largest
    factors = np.where(alive, np.maximum(peak / max(largest, 1e-30), 1.0 / _MOST) ** exponent, 1.0)
    first, second = pair.first, pair.second
    constants = {
        first.places["weights"]: first.weights / first.per_output(factors),
        first.places["bias"]: first.bias / factors,
        second.places["weights"]: second.weights * second.per_input(factors),
    }
    return Network.of(current.with_constants(constants), current.statistics, current.wide)


def _pairs(network: Network) -> list[_Pair]:
    by_node = {layer.node.name: layer for layer in network.layers}
    found = []
    for layer in network.layers:
        tensor, second = _follow(network, layer, by_node)
        if second is None or tensor not in network.statistics:
            continue
        fits = second.per_input(np.ones(layer.channels)) is not None
        if fits and len(network.statistics[tensor].channel_peak) == layer.channels:
            found.append(_Pair(layer, second, tensor))
    return found


def _follow(network: Network, layer: Layer, by_node: dict[str, Layer]) -> tuple[str, Layer | None]:
    """(the first quantised tensor after `layer`, the layer that alone reads its channels, or None)."""
    graph = network.graph
    name, tensor = layer.output, ""
    while True:
        if not tensor and name in network.statistics:
            tensor = name
        consumer = graph.only_consumer(name)
        if consumer is None:
            return tensor, None
        if consumer.name in by_node:
            second = by_node[consumer.name]
            return tensor, second if second.weighted.data == name else None
        known = traits.of(consumer.op_type)
        passes = known.pools or known.copies or (known.unary and known.scaled == (0,))
        if not passes and not (known.reshapes and _keeps_channels(graph, name)):
            return tensor, None
        name = consumer.output[0]


def _keeps_channels(graph: Graph, name: str) -> bool:
    """Whether a tensor is one pixel, so that its elements are its channels."""
    dims = graph.shape(name)
    return len(dims) > 1 and all(d == 1 for d in (dims[0], *dims[2:]))

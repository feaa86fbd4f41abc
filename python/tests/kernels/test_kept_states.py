# SPDX-License-Identifier: CC0-1.0
"""Kernels of streams: what they compute of a few rows after the other, by what they keep, is what the whole gives."""

from __future__ import annotations

import struct
from dataclasses import replace

import harness
import numpy as np
from harness import GARBAGE, INPUT, PRECEDED, SHARED, encode, examples, pack_params, runs
from hypothesis import given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts
from test_recurrent import draw_node

from espdl.backends import for_stream, lower, running
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.gru import Gru
from espdl.ops.lstm import Lstm
from espdl.ops.operator import operators
from espdl.plan.types import KernelCall, Tensor

OF_STREAMS = "it goes on from call to call"


def run(
    call: KernelCall, x: np.ndarray, y: np.ndarray, state: bytes, shift: int, lead: bytes = b""
) -> tuple[bytes, bytes]:
    """What one call writes, and its state afterwards; `lead`: what lies in front of `x`."""
    case = encode(replace(call, scratch_bytes=0), [x], [y], shift, None)
    count = 8 + len(pack_params(call.params))
    if lead:  # of the first buffer
        kind = struct.pack("<III", PRECEDED, x.nbytes, shift + 256 * len(lead)) + lead
        case = case[: count + 4] + kind + case[count + 16 :]
    (buffers,) = struct.unpack_from("<I", case, count)
    case = case[:count] + struct.pack("<I", buffers + 2) + case[count + 4 :]
    case += struct.pack("<III", INPUT, len(state), 0) + state
    case += struct.pack("<III", SHARED + buffers, len(state), 0)  # behind the last argument: the kernel does not see it
    written, kept = harness.runner().run(case, [y.nbytes, len(state)])
    return written, kept


def fresh(call: KernelCall) -> bytes:
    return bytes(4) + bytes([GARBAGE]) * (call.state_bytes - 4)


@runs("espdl_lstm_steps_s8", "espdl_gru_steps_s8", rows=OF_STREAMS)
@given(st.data(), st.sampled_from([Lstm, Gru]), shifts)
@examples
def test_steps_of_recurrent_layers(data: st.DataObject, kind: type, shift: int) -> None:
    node, values = draw_node(data, kind)
    whole = lower(node, TARGETS[0])
    (wanted,) = operators()[whole.operator].reference(whole.params, [values], {c.name: c.data for c in whole.constants})
    ((call,), _) = for_stream([whole], [*node.inputs, *node.outputs], [], keeps_states=True)
    state, start = fresh(call), 0
    while start < len(values):
        stop = start + data.draw(st.integers(1, len(values) - start))
        part = replace(call, params=replace(call.params, steps=stop - start))
        written, state = run(part, values[start:stop], wanted[start:stop], state, shift)
        assert written == wanted[start:stop].tobytes()
        start = stop


@runs("espdl_running_average_s8", rows=OF_STREAMS)
@given(st.data(), st.integers(1, 3), st.integers(1, 5), st.integers(1, 4))
@examples
def test_running_average(data: st.DataObject, width: int, channels: int, hop: int) -> None:
    """The image is a window of a longer one; the rows in front of it are those that left last."""
    height = data.draw(st.integers(3 * hop, 4 * hop + 2))
    x = Tensor("x", (1, height, width, channels), "int8", 0.05, data.draw(st.integers(-128, 127)))
    y = Tensor("y", (1, 1, 1, channels), "int8", 0.02, data.draw(st.integers(-128, 127)))
    window = ((1, 1), (height, width), (1, 1), (0, 0, 0, 0), (1, 1), False, None)
    node = AveragePool2d((x,), (y,), (), (height, width, channels), *window)
    call = running(lower(node, TARGETS[0]), hop)
    assert call is not None
    constants = {c.name: c.data for c in call.constants}
    long = data.draw(contents((height + 5 * hop, width, channels)))
    state = fresh(call)
    for start in range(hop, 5 * hop + 1, hop):
        part = long[start : start + height]
        (wanted,) = operators()[call.operator].reference(call.params, [part], constants)
        written, state = run(call, part, wanted, state, 0, long[start - hop : start].tobytes())
        assert written == wanted.tobytes()

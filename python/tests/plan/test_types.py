# SPDX-License-Identifier: CC0-1.0
"""A Plan survives JSON bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from espdl.plan.types import Constant, KernelCall, Plan, Port, Tensor

names = st.text(max_size=12)
numbers = st.one_of(st.integers(-(2**63), 2**63), st.floats(allow_nan=False), names)
values = st.one_of(numbers, st.lists(st.integers(), max_size=3).map(tuple))
data = arrays.arrays(
    st.sampled_from([np.int8, np.uint8, np.int32, np.float32, np.int64]),
    arrays.array_shapes(min_dims=0, max_dims=4, max_side=4),
)
tensors = st.builds(
    Tensor,
    names,
    st.lists(st.integers(1, 9), max_size=4).map(tuple),
    st.sampled_from(["int8", "float32", "int32"]),
    st.none() | st.floats(1e-30, 1e30),
    st.integers(-128, 127),
    st.none() | names,
    st.integers(0, 99),
    st.none() | st.integers(0, 2**31),
)
calls = st.builds(
    KernelCall,
    operator=names,
    function=names,
    params_type=names,
    params=st.dictionaries(names, values, max_size=4),
    inputs=st.lists(names, max_size=3).map(tuple),
    outputs=st.lists(names, max_size=3).map(tuple),
    constants=st.lists(st.builds(Constant, names, data), max_size=2).map(tuple),
    in_place=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=2).map(tuple),
    overlaps=st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=2).map(tuple),
    scratch_bytes=st.integers(0, 99),
    scratch_offset=st.none() | st.integers(0, 99),
    source_nodes=st.lists(names, max_size=2).map(tuple),
    exact=st.booleans(),
)
ports = st.lists(st.builds(Port, names, names, names), max_size=2).map(tuple)
plans = st.builds(
    Plan,
    st.lists(tensors, max_size=3).map(tuple),
    st.lists(calls, max_size=3).map(tuple),
    ports,
    ports,
    functions=st.dictionaries(names, names, max_size=2),
)


@given(plans)
def test_round_trip(plan: Plan) -> None:
    text = plan.to_json()
    again = Plan.from_json(text)
    assert again == plan
    assert again.to_json() == text
    for before, after in zip(plan.calls, again.calls, strict=True):
        assert list(before.params) == list(after.params)  # the order of the C struct's fields
        for a, b in zip(before.constants, after.constants, strict=True):
            assert (a.data.dtype, a.data.shape, a.data.tobytes()) == (b.data.dtype, b.data.shape, b.data.tobytes())
    assert list(plan.functions) == list(again.functions)

# SPDX-License-Identifier: CC0-1.0
"""A Plan survives JSON bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from espdl.ops.conv2d_add import Conv2dAddParams
from espdl.ops.mul import MulParams
from espdl.ops.quantize import QuantizeParams
from espdl.plan.types import Constant, KernelCall, Plan, Port, Tensor

names = st.text(max_size=12)
# Integers, a float, arrays and an enumerator, a struct inside.
structs = st.one_of(
    st.builds(QuantizeParams, scale=st.floats(allow_nan=False)),
    st.from_type(MulParams),
    st.from_type(Conv2dAddParams),
)
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
    params=st.none() | structs,
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


def test_unknown_parameters() -> None:
    """Of a kernel that another version of the package has."""
    call = KernelCall("quantize", "f", QuantizeParams(1, 0.5, 0), (), ())
    text = Plan((), (call,), (), ()).to_json().replace("espdl_quantize_params_t", "espdl_new_params_t")
    with pytest.raises(ValueError, match="'espdl_new_params_t' is no parameter struct"):
        Plan.from_json(text)


@given(plans)
def test_round_trip(plan: Plan) -> None:
    text = plan.to_json()
    again = Plan.from_json(text)
    assert again == plan
    assert again.to_json() == text
    for before, after in zip(plan.calls, again.calls, strict=True):
        assert type(before.params) is type(after.params)
        for a, b in zip(before.constants, after.constants, strict=True):
            assert (a.data.dtype, a.data.shape, a.data.tobytes()) == (b.data.dtype, b.data.shape, b.data.tobytes())
    assert list(plan.functions) == list(again.functions)

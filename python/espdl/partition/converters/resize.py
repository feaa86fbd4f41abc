# SPDX-License-Identifier: Apache-2.0
"""Resize in the forms that TVM knows; all others were rewritten before, where their arguments are constant."""

from espdl.partition.tvm_compat import Unsupported, converter

_REFUSED = "it is for some axes only, and its region or its sizes are computed; with constants it can run"


@converter("Resize")
def resize(bb, inputs, attributes):
    if "axes" in attributes:
        raise Unsupported(_REFUSED)
    return None

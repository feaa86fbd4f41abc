# SPDX-License-Identifier: Apache-2.0
"""Settings found by measurement: candidates, jobs that measure them here or on a cluster, and the best of them.

A candidate is a pure function of model, data, options and compiler; its result is kept under a digest of those, so that
a search that is interrupted goes on where it was, and nobody computes what somebody else has computed.
"""

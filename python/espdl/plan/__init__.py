# SPDX-License-Identifier: Apache-2.0
"""Operators become kernel calls with a place in the arena."""

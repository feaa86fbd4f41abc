# SPDX-License-Identifier: Apache-2.0
"""The last backend of every target: TVM's lowering of whatever is left."""

# SPDX-License-Identifier: Apache-2.0
"""The graph of operators and the passes over it: free of TVM, and of what any backend can do."""

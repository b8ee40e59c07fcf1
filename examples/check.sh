#!/bin/sh
# Runs the examples and looks for what they must have found, which was counted
# by hand or with other tools. SPDX-License-Identifier: Apache-2.0
failed=0

# expect PATTERN COMMAND...: the command succeeds and prints the pattern.
expect() {
  pattern=$1
  shift
  if output=$("$@" 2>&1) && echo "$output" | grep -q "$pattern"; then
    echo "ok: $1"
  else
    echo "FAILED: $* does not print '$pattern' but:"
    echo "$output"
    failed=1
  fi
}

expect '^71668 of 1000000 edges' examples/first_attention
expect '^on the [CG]PU; row 500: o = 0.01' examples/on_device
expect 'dilated - window .* degrees 4 to 8' examples/mask_algebra
expect 'row 2^29 looks back: 64 48 32 16 4 3 2 1 0' examples/mask_algebra
expect 'the last of 4096 tokens sees 17 of them' examples/own_generator
expect '^8568 edges; row 300 keeps' examples/graph_program
expect 'token 256 attends to 32 keys' examples/decode
expect 'head 2, dilated(16, 32) *33 neighbours' examples/mask_per_head
expect '^816 packages; package .* is linked to' \
  examples/package_graph "$EXAMPLES_DATA/packages.mtx"
expect '196608 elements: largest difference 0,' \
  examples/compare_arrays "$EXAMPLES_DATA/q.npy" "$EXAMPLES_DATA/q.npy"
exit $failed

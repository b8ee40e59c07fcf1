#!/bin/sh
# The memory programs run, and the library's own share is small.
# SPDX-License-Identifier: Apache-2.0
# The build folder: TMPDIR may be a place that is not there, as it is under the
# thread sanitizer.
output=$(TMPDIR=$(pwd) sh "$srcdir/bench/memory.sh" 32768) || exit 1
echo "$output"
echo "$output" | awk '/^gattn run .* of Q \+ K \+ V \+ O$/ { command = 1 }
  /^operands and library:/ { ratio = $4 }
  END { exit !(command && ratio > 1 && ratio <= 1.1) }'

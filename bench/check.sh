#!/bin/sh
# The memory programs run, the library's own share is small, and reports become
# tables and figures.
# SPDX-License-Identifier: Apache-2.0
# The build folder: TMPDIR may be a place that is not there, as it is under the
# thread sanitizer.
output=$(TMPDIR=$(pwd) sh "$srcdir/bench/memory.sh" 32768) || exit 1
echo "$output"
echo "$output" | awk '/^gattn run .* of Q \+ K \+ V \+ O$/ { command = 1 }
  /^operands and library:/ { ratio = $4 }
  END { exit !(command && ratio > 1 && ratio <= 1.1) }' || exit 1
command -v python3 >/dev/null || exit 0
folder=$(mktemp -d ./bench-check.XXXXXX) || exit 1
trap 'rm -rf "$folder"' EXIT
export PYTHONDONTWRITEBYTECODE=1
./gattn bench -n 1024 -d 16 --repeat 1 --json >"$folder/forward.json" &&
  ./gattn bench --suite growth -n 8k -d 16 --repeat 1 --json \
    >"$folder/growth.json" &&
  python3 "$srcdir/bench/tables.py" --markdown "$folder/forward.json" |
  grep '^| .local(256). | 2^10 | 1 | 16 | ' &&
  python3 "$srcdir/bench/figures.py" "$folder" --growth "$folder/growth.json" \
    --roofline "$folder/forward.json" &&
  grep -q '</svg>' "$folder/growth.svg" && grep -q '</svg>' "$folder/roofline.svg"

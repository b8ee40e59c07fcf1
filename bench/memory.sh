#!/bin/sh
# The most memory that attention takes, as a ratio to Q + K + V + O: by the
# command, which maps its arrays, and by the library on arrays in memory.
# Usage, from the build folder: sh bench/memory.sh [N [MASK [D [THREADS]]]]. By
# default local(50) over 4194304 tokens, d = 64, and 2 threads: 4 GiB of files
# in ${TMPDIR-/tmp} and 4 GiB of memory. SPDX-License-Identifier: Apache-2.0
set -e
n=${1-4194304} mask=${2-local(50)} d=${3-64} threads=${4-2}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

bench/make_arrays "$n" "$d" "$scratch/q.npy" "$scratch/k.npy" "$scratch/v.npy"
bench/peak_rss "$scratch/bytes" ./gattn run --mask "$mask" \
  --threads "$threads" \
  --q "$scratch/q.npy" --k "$scratch/k.npy" --v "$scratch/v.npy" \
  --out "$scratch/o.npy"
awk -v n="$n" -v d="$d" -v mask="$mask" '{
  operands = 16 * n * d
  printf "gattn run --mask %s, n = %d, d = %d: resident at its peak %.0f ",
    mask, n, d, $1
  printf "bytes, %.4f of Q + K + V + O\n", $1 / operands
}' "$scratch/bytes"
rm -f "$scratch"/*.npy
bench/peak_memory "$mask" "$n" "$d" "$threads"

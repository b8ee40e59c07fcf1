#!/bin/sh
# `make demo`: sh demo.sh DATA OUTPUT, from the build folder.
# SPDX-License-Identifier: Apache-2.0
set -e
data=$1 out=$2
mask='local(16) | global(0, 1) | dilated(8, 16)'
mkdir -p "$out"

# Shows the command as it can be copied, and runs it.
run() {
  printf '$ ./gattn'
  for word; do
    case $word in
      *[\ \(\|]*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  echo
  ./gattn "$@"
}

echo "Attention over Q, K, V of a pretrained encoder: 12 heads, 512 tokens."
run run --mask full --q "$data/q.npy" --k "$data/k.npy" --v "$data/v.npy" \
  --out "$out/full.npy"
run run --mask "$mask" --q "$data/q.npy" --k "$data/k.npy" \
  --v "$data/v.npy" --out "$out/sparse.npy" --explain
echo "How far the sparse output is from the full one:"
examples/compare_arrays "$out/full.npy" "$out/sparse.npy"
echo "The sparse mask:"
run mask --mask "$mask" -n 512 --stats
if ./gattn info | grep -q 'libpng: *yes'; then
  run mask --mask "$mask" -n 512 --png "$out/mask.png"
  echo "Its picture is $out/mask.png."
else
  run mask --mask "$mask" -n 512 --ascii
fi

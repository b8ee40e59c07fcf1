#!/bin/sh
# Gives every seed of tests/fuzz/corpus to its fuzz target.
# SPDX-License-Identifier: Apache-2.0
set -eu
for seeds in "$srcdir"/tests/fuzz/corpus/*; do
  target=${seeds##*/}
  echo "$target"
  "tests/fuzz/replay_$target" "$seeds"/*
done

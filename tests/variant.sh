#!/bin/sh
# Configures the sources in variants/source into variants/NAME, again only when
# the arguments or the sources' configure changed: variant.sh NAME ARGUMENT…
# SPDX-License-Identifier: Apache-2.0
set -eu
name=$1
shift
for argument; do
  case $argument in
    CC=*)
      compiler=${argument#CC=}
      command -v "${compiler%% *}" >/dev/null || {
        echo "$name: no compiler $compiler" >&2
        exit 1
      }
      ;;
  esac
done
mkdir -p "variants/$name"
cd "variants/$name"
wanted="$* $(cksum <../source/configure)"
if test "$(cat configured 2>/dev/null)" != "$wanted"; then
  find . -mindepth 1 -maxdepth 1 -exec rm -rf {} +
  # Device code is none of these compilers'.
  ../source/configure -q --without-cuda "$@"
  echo "$wanted" >configured
fi

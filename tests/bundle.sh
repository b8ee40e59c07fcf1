#!/bin/sh
# What a GPU host without network needs to build and test gattn: the sources as
# `make dist` ships them, configured by nobody yet, and Check. Called by `make
# bundle`: bundle.sh DIR, where DIR/gattn stands already.
# SPDX-License-Identifier: Apache-2.0
set -eu
bundle=$1
: "${CC=cc}"

mkdir -p "$bundle/check"
# Check's headers, where the compiler finds them.
# shellcheck disable=SC2086 # lists of options
echo '#include <check.h>' | $CC ${CHECK_CFLAGS-} -M -x c - |
  awk '{ for (f = 1; f <= NF; f++)
           if ($f ~ /\/check(_stdint)?\.h$/) print $f }' | sort -u |
  while read -r header; do
    cp "$header" "$bundle/check/"
  done
test -f "$bundle/check/check.h" || {
  echo "bundle: no check.h (Debian: apt-get install check)" >&2
  exit 1
}
# Its archive, and the one it may need. Test programs are position-independent.
for name in check_pic check; do
  archive=$($CC -print-file-name=lib$name.a)
  test ! -f "$archive" || break
done
test -f "$archive" || {
  echo "bundle: no static library of Check" >&2
  exit 1
}
cp "$archive" "$bundle/check/libcheck.a"
archive=$($CC -print-file-name=libsubunit.a)
test ! -f "$archive" || cp "$archive" "$bundle/check/libsubunit.a"
cp "$bundle/gattn/tests/on-device.sh" "$bundle/"
echo "$bundle: $(du -sh "$bundle" | cut -f 1); there: sh on-device.sh"

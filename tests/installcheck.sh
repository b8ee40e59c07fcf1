#!/bin/sh
# Compiles a program against the installed library, as pkg-config tells it to,
# and runs it and the installed command. SPDX-License-Identifier: Apache-2.0
set -eu
scratch=tests/installcheck.tmp
rm -rf "$scratch"
mkdir -p "$scratch"
trap 'rm -rf "$scratch"' EXIT

if test -n "$PKG_CONFIG"; then
  PKG_CONFIG_PATH=$libdir/pkgconfig
  export PKG_CONFIG_PATH
  test "$($PKG_CONFIG --modversion gattn)" = "$VERSION"
  flags=$($PKG_CONFIG --define-variable=prefix="$prefix" \
    --define-variable=libdir="$libdir" \
    --define-variable=includedir="$includedir" --cflags --libs gattn)
else
  echo "installcheck: no pkg-config; its file is not tested"
  flags="-I$includedir -L$libdir -lgattn"
fi
# shellcheck disable=SC2086 # lists of options
$CC $CFLAGS -o "$scratch/installed" "$srcdir/tests/installed.c" $flags -lm
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
test "$("$scratch/installed")" = "$VERSION"

if test -x "$bindir/gattn"; then
  "$bindir/gattn" --version | grep -F "$VERSION"
fi
echo "installcheck: gattn $VERSION compiles, links and runs"

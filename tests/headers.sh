#!/bin/sh
# Compiles every public header alone, as C11 and as C++17, without a warning.
# SPDX-License-Identifier: Apache-2.0
set -u
scratch=tests/headers.tmp
rm -rf "$scratch"
mkdir -p "$scratch"
status=0
strict="-Wall -Wextra -pedantic -Werror -fsyntax-only"

# compile LANGUAGE COMPILER… : the translation unit on standard input.
compile() {
  unit=$scratch/unit.$1
  shift
  cat >"$unit"
  # shellcheck disable=SC2086 # lists of options
  "$@" $strict $CHECK_CPPFLAGS "$unit" || {
    echo "FAIL: $* $(cat "$unit")"
    status=1
  }
}

headers=$(cd "$srcdir/include" && echo gattn.h gattn/*.h)
for header in $headers gattn/version.h; do
  # shellcheck disable=SC2086 # a compiler may come with options
  echo "#include <$header>" | compile c $CC -std=c11
  if test -n "$CXX"; then
    # shellcheck disable=SC2086
    echo "#include <$header>" | compile cc $CXX -std=c++17
  fi
  grep -q "include/$header" "$srcdir/include/Makefile.inc" || {
    echo "FAIL: $header is not installed (include/Makefile.inc)"
    status=1
  }
  test "$header" = gattn/version.h || test "$header" = gattn/export.h ||
    test "$header" = gattn.h ||
    grep -q "<$header>" "$srcdir/include/gattn.h" || {
      echo "FAIL: gattn.h does not include $header"
      status=1
    }
done
test -n "$CXX" || echo "not compiled as C++: no C++17 compiler"
rm -rf "$scratch"
exit $status

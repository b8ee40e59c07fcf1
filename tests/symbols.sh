#!/bin/sh
# The shared library exports exactly what the public headers mark GATTN_API.
# SPDX-License-Identifier: Apache-2.0
set -u
library=.libs/libgattn.so
test -f "$library" || {
  echo "SKIP: no $library"
  exit 77
}
scratch=tests/symbols.tmp
mkdir -p "$scratch"

# Names before the first parenthesis after each GATTN_API.
cat "$srcdir"/include/gattn.h "$srcdir"/include/gattn/*.h \
  "$srcdir"/include/gattn/version.h.in |
  sed '/^ *#/d' | tr '\n' ' ' | sed 's,/\*,\n&,g' |
  sed 's,^/\*.*\*/,,' | tr '\n' ' ' | sed 's/GATTN_API/\n&/g' |
  sed -n 's/^GATTN_API[^(;]*[ *]\(gattn_[a-z0-9_]*\) *(.*/\1/p' |
  sort -u >"$scratch/declared"

# _init and _fini, and the marks of sanitizers and coverage, are the linker's.
$NM -D --defined-only "$library" |
  awk '$2 ~ /^[A-Z]$/ && $3 !~ /^(_|__)/ { print $3 }' |
  sort -u >"$scratch/exported"

status=0
comm -23 "$scratch/declared" "$scratch/exported" >"$scratch/missing"
comm -13 "$scratch/declared" "$scratch/exported" >"$scratch/surplus"
if test -s "$scratch/missing"; then
  echo "FAIL: declared in include/, not exported:"
  cat "$scratch/missing"
  status=1
fi
if test -s "$scratch/surplus"; then
  echo "FAIL: exported, not declared in include/:"
  cat "$scratch/surplus"
  status=1
fi
echo "$(wc -l <"$scratch/exported") symbols exported"
test -s "$scratch/declared" || status=1
rm -rf "$scratch"
exit $status

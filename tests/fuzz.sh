#!/bin/sh
# Runs each libFuzzer program of a build for $FUZZ_SECONDS, from its seeds and
# from what earlier runs found: fuzz.sh BUILD PROGRAM…
# SPDX-License-Identifier: Apache-2.0
set -u
build=$1
shift
status=0
for program; do
  target=${program##*/fuzz_}
  found=$build/found/$target
  mkdir -p "$found"
  log=$build/fuzz_$target.log
  words=$build/../source/tests/fuzz/$target.dict
  test -f "$words" || words=
  "$build/$program" -max_total_time="${FUZZ_SECONDS-20}" -timeout=10 \
    -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -verbosity=1 \
    -artifact_prefix="$build/crash_${target}_" ${words:+-dict="$words"} \
    "$found" "$build/../source/tests/fuzz/corpus/$target" >"$log" 2>&1
  result=$?
  if test $result = 0; then
    echo "PASS: fuzz_$target:" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
  else
    tail -n 60 "$log"
    echo "FAIL: fuzz_$target: exit status $result, see $log"
    status=1
  fi
done
exit $status

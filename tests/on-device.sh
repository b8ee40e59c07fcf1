#!/bin/sh
# Builds, tests and measures on a GPU host, in an unpacked bundle:
#   on-device.sh [build | check | sanitize | bench]…   (default: build check)
# build     configures and compiles for the machine's own GPU; CUDA_ARCH names
#           another list, CONFIGURE_FLAGS adds to configure's arguments
# check     make check-device
# sanitize  make check-device-sanitize; COMPUTE_SANITIZER_TOOLS chooses the tools
# bench     the suites of gattn bench, as text and JSON; BENCH_SUITES chooses
# Logs and figures go to RESULTS (default: results, beside this script).
# SPDX-License-Identifier: Apache-2.0
set -eu
bundle=$(cd "$(dirname "$0")" && pwd)
results=${RESULTS-$bundle/results}
jobs=$(nproc)
mkdir -p "$results" "$bundle/build"
cd "$bundle/build"

# 9.0 has instructions of its own, which code for 90 alone may not use.
own_arch() {
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 |
    tr -d '. ' | sed 's/^90$/90a/'
}

# quietly NAME COMMAND… : the log's end where it fails.
quietly() {
  name=$1
  shift
  begun=$(date +%s)
  status=0
  "$@" >"$results/$name.log" 2>&1 || status=$?
  echo "$name: exit $status after $(($(date +%s) - begun)) s"
  test $status = 0 || tail -n 40 "$results/$name.log"
  return "$status"
}

build() {
  libraries="$bundle/check/libcheck.a -lrt -lm -lpthread"
  test ! -f "$bundle/check/libsubunit.a" ||
    libraries="$bundle/check/libcheck.a $bundle/check/libsubunit.a -lrt -lm"
  # shellcheck disable=SC2086 # a list of options
  test -f Makefile || quietly configure "$bundle/gattn/configure" --with-cuda \
    --with-cuda-arch="${CUDA_ARCH-$(own_arch)}" --without-png \
    CHECK_CFLAGS="-I$bundle/check" CHECK_LIBS="$libraries" \
    ${CONFIGURE_FLAGS-} || return 1
  quietly make make -j"$jobs" || return 1
  ./gattn info
}

# The programs' own last lines, and what failed.
check() {
  outcome=0
  quietly check-device make -j"$jobs" check-device || outcome=$?
  grep -E '^(PASS|FAIL|SKIP|ERROR|[0-9]+%): ' "$results/check-device.log" || :
  cp tests/check_*.log "$results/" 2>/dev/null || :
  return "$outcome"
}

# One program at a time: the sanitizer takes the device's memory for itself.
sanitize() {
  outcome=0
  quietly sanitize make check-device-sanitize \
    ${COMPUTE_SANITIZER_TOOLS+"COMPUTE_SANITIZER_TOOLS=$COMPUTE_SANITIZER_TOOLS"} ||
    outcome=$?
  grep -E '^(compute-sanitizer|PASS|FAIL|SKIP|ERROR|[0-9]+%): ' \
    "$results/sanitize.log" || :
  cp tests/check_*.log.* "$results/" 2>/dev/null || :
  return "$outcome"
}

bench() {
  for suite in ${BENCH_SUITES-limits forward edges growth tokens}; do
    ./gattn bench --device cuda --suite "$suite" | tee "$results/$suite.txt"
    ./gattn bench --device cuda --suite "$suite" --json \
      >"$results/$suite.json"
  done
}

failed=0
test $# != 0 || set -- build check
for step; do
  case $step in
    build) build || exit 1 ;;
    check) check || failed=1 ;;
    sanitize) sanitize || failed=1 ;;
    bench) bench || failed=1 ;;
    *)
      echo "usage: on-device.sh [build | check | sanitize | bench]..." >&2
      exit 2
      ;;
  esac
done
exit $failed

#!/bin/sh
# Prints the line coverage of a --coverage build, a room and in all:
# coverage.sh SOURCE BUILD
# SPDX-License-Identifier: Apache-2.0
set -eu
command -v gcovr >/dev/null || {
  echo "coverage: no gcovr (package gcovr)" >&2
  exit 1
}
rooms='lib|masks|frontier|operators|plan|cli'
gcovr --root "$1" --object-directory "$2" --filter "(.*/)?($rooms)/" \
  --csv "$2/coverage.csv" "$2"
tr -d '\r' <"$2/coverage.csv" | awk -F, '
  NR == 1 { next }
  {
    room = $1
    sub(/\/.*/, "", room)
    if (!(room in lines)) order[++rooms] = room
    lines[room] += $2
    covered[room] += $3
    lines["total"] += $2
    covered["total"] += $3
    if ($3 < 0.95 * $2) low[++lows] = sprintf("  %5.1f%%  %s", 100 * $3 / $2, $1)
  }
  function show(room) {
    printf "%-10s %6d of %6d lines  %5.1f%%\n", room, covered[room],
           lines[room], lines[room] ? 100 * covered[room] / lines[room] : 0
  }
  END {
    if (lows) print "below 95%:"
    for (l = 1; l <= lows; l++) print low[l]
    for (r = 1; r <= rooms; r++) show(order[r])
    show("total")
  }'

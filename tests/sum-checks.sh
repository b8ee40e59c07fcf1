#!/bin/sh
# Adds up the closing lines of Check programs: sum-checks.sh LOG…
# SPDX-License-Identifier: Apache-2.0
# A test that failed without saying so in such a line (it crashed, or is no
# Check program) counts as one check and one error, so that 100% means all.
for log; do
  test -f "$log" && echo "$log"
done | awk '
  function percent(checks, bad) {
    return int(100 * (checks - bad) / checks)
  }
  {
    log_name = $0
    trs_name = log_name
    sub(/\.log$/, ".trs", trs_name)
    result = ""
    while ((getline line < trs_name) > 0)
      if (line ~ /^:test-result: /) {
        split(line, word, " ")
        result = word[2]
      }
    close(trs_name)
    bad = 0
    while ((getline line < log_name) > 0)
      if (line ~ /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/) {
        gsub(/[^0-9 ]/, "", line)
        split(line, word, " ")
        checks += word[2]
        failures += word[3]
        errors += word[4]
        bad += word[3] + word[4]
      }
    close(log_name)
    if (result ~ /^(FAIL|ERROR|XPASS)$/ && !bad) {
      checks++
      errors++
    }
  }
  END {
    if (!checks) exit
    printf "%d%%: Checks: %d, Failures: %d, Errors: %d\n",
           percent(checks, failures + errors), checks, failures, errors
  }'

#!/bin/sh
# The program that doc/programs.md prints is the one that is built and run.
# SPDX-License-Identifier: Apache-2.0
set -u
awk '/^```c$/ { inside = 1; text = ""; next }
     /^```$/ { if (inside && text ~ /int main/) printf "%s", text; inside = 0 }
     inside { text = text $0 "\n" }' "$srcdir/doc/programs.md" |
  diff - "$srcdir/doc/program.c" || {
    echo "FAIL: doc/programs.md does not print doc/program.c"
    exit 1
  }

#!/bin/sh
# Compiles and runs the programs that README.md and the pages print: the C
# blocks that have a main. SPDX-License-Identifier: Apache-2.0
set -u
scratch=tests/doc-examples.tmp
rm -rf "$scratch"
mkdir -p "$scratch"
trap 'rm -rf "$scratch"' EXIT

found=0 failed=0
for page in "$srcdir"/README.md "$srcdir"/doc/*.md; do
  name=$scratch/$(basename "$page" .md)
  awk -v name="$name" '
    /^```c$/ { inside = 1; text = ""; next }
    /^```$/ {
      if (inside && text ~ /int main/) {
        file = name "-" ++count ".c"
        printf "%s", text >file
        close(file)
      }
      inside = 0
    }
    inside { text = text $0 "\n" }' "$page"
done
for source in "$scratch"/*.c; do
  program=${source%.c}
  # shellcheck disable=SC2086 # lists of options
  if $CC $CFLAGS -Wall -Wextra -Werror $CHECK_CPPFLAGS -c "$source" \
    -o "$program.o" &&
    ./libtool --quiet --tag=CC --mode=link $CC $CFLAGS -o "$program" \
      "$program.o" libgattn.la -lm &&
    "$program" >"$program.out"; then
    echo "ok: $(basename "$source")"
  else
    echo "FAILED: $(basename "$source")"
    failed=1
  fi
  found=$((found + 1))
done
[ "$found" -ge 2 ] || {
  echo "FAILED: $found programs found"
  exit 1
}
exit $failed

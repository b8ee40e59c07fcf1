# The API reference from the comments of the public headers, as Markdown:
# awk -f api.awk gattn.h gattn/….h
# SPDX-License-Identifier: Apache-2.0
#
# What it relies on: a comment that begins in the first column belongs to the
# code below it, down to the next such comment; the first of a file speaks of
# the file. Lines indented within a comment stay as they are.

function escape(text) {
  if (text ~ /^    /) return text
  gsub(/[\\*_<>#|]/, "\\\\&", text)
  return text
}

# A name that the code declares, the way a reader looks for it, or "".
function name_in(code, found) {
  if (code ~ /^#define GATTN_.*_ENUM\(/) return ""
  if (code ~ /^#define GATTN_/) {
    found = substr(code, 9)
    sub(/[^A-Za-z0-9_].*/, "", found)
    return found
  }
  if (match(code, /^typedef .*\(\*gattn_[a-z0-9_]+/)) {
    found = substr(code, RSTART, RLENGTH)
    sub(/.*\(\*/, "", found)
    return found
  }
  if (match(code, /^typedef (enum|struct) gattn_[a-z0-9_]+/)) {
    split(substr(code, RSTART, RLENGTH), words, " ")
    return words[3]
  }
  if (match(code, /^typedef [a-z0-9_]+ gattn_[a-z0-9_]+;/)) {
    split(substr(code, RSTART, RLENGTH - 1), words, " ")
    return words[3]
  }
  if (code ~ /GATTN_API/) awaiting = 1
  if (awaiting && match(code, /gattn_[a-z0-9_]+\(/)) {
    awaiting = 0
    return substr(code, RSTART, RLENGTH - 1)
  }
  return ""
}

function flush_entry(l, heading, last) {
  if (n_code) {
    heading = ""
    awaiting = 0
    for (l = 1; l <= n_code; l++) {
      name = name_in(code[l])
      if (name != "" && name != last)
        heading = heading (heading == "" ? "" : ", ") "`" name "`"
      if (name != "") last = name
    }
    if (heading != "") print "### " heading "\n"
    for (l = 1; l <= n_comment; l++) print escape(comment[l])
    if (n_comment) print ""
    print "```c"
    for (l = 1; l <= n_code; l++) print code[l]
    print "```\n"
  } else if (n_comment && comment[1] ~ /^-----/) {
    sub(/^-+ */, "", comment[1])
    print "**" comment[1] "**\n"
  } else if (n_comment) {
    for (l = 1; l <= n_comment; l++) print escape(comment[l])
    print ""
  }
  n_code = n_comment = 0
}

BEGIN {
  print "# API reference of gattn\n"
  print "Made from the comments of the public headers by `make doc-api`.\n"
}

FNR == 1 {
  flush_entry()
  file = FILENAME
  sub(/.*include\//, "", file)
  sub(/\.in$/, "", file)
  print "## `<" file ">`\n"
  first = 1
}

{ gsub(/ *SPDX-License-Identifier: Apache-2.0/, "") }

/^\/\*/ {
  flush_entry()
  in_comment = 1
}

in_comment {
  line = $0
  ended = sub(/ *\*\/ *$/, "", line)
  sub(/^\/\* ?/, "", line)
  sub(/^ \* ?/, "", line)
  blank = line ~ /^ *$/
  if (!blank || (!ended && n_comment && comment[n_comment] != ""))
    comment[++n_comment] = blank ? "" : line
  if (ended) {
    in_comment = 0
    if (first) flush_entry()
    first = 0
  }
  next
}

/^#(ifndef|endif|include|if|else)/ || /^GATTN_(BEGIN|END)_DECLS/ { next }
/^#define GATTN_[A-Z]*_?H$/ { next }
/^#define GATTN_VERSION_M|^#define GATTN_VERSION_P|@PACKAGE/ { next }
/^$/ {
  if (!depth) flush_entry()
  else code[++n_code] = ""
  next
}
{
  code[++n_code] = $0
  depth += gsub(/{/, "{") - gsub(/}/, "}")
}

END { flush_entry() }

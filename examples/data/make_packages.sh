#!/bin/sh
# Makes packages.mtx and packages.txt: the dependency graph of the packages
# installed on the Debian machine it runs on. Vertex i is line i of
# packages.txt; an edge i -> j says that package i depends on package j.
#     sh examples/data/make_packages.sh examples/data
set -e
out=$1
dpkg-query -W -f '${Package}\n' | sort -u > "$out/packages.txt"
dpkg-query -W -f '${Package}\t${Pre-Depends}, ${Depends}\n' |
  awk -F '\t' '
    NR == FNR { number[$1] = NR; n = NR; next }
    !seen[$1]++ {
      count = split($2, terms, /[,|]/)
      for (t = 1; t <= count; t++) {
        sub(/^ +/, "", terms[t])
        sub(/[ :(].*$/, "", terms[t])
        if (terms[t] in number) edge[number[$1] " " number[terms[t]]]
      }
    }
    END {
      for (e in edge) edges++
      print "%%MatrixMarket matrix coordinate pattern general"
      print "% dependencies among the packages of a Debian 12 machine"
      print n, n, edges
      for (e in edge) print e | "sort -n -k1,1 -k2,2"
    }' "$out/packages.txt" - > "$out/packages.mtx"

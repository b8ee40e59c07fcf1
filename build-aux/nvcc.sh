#!/bin/sh
# nvcc as libtool calls a compiler: what it would not know goes to the host
# compiler. SPDX-License-Identifier: Apache-2.0
for word do
  shift
  case $word in
    -fPIC | -fpic) word=-Xcompiler=$word ;;
  esac
  set -- "$@" "$word"
done
exec "$@"

dnl A C++17 compiler for the test of the public headers alone.
dnl SPDX-License-Identifier: Apache-2.0
dnl GATTN_CXX sets CXX, empty where there is none, and gattn_cxx (for the
dnl summary). Nothing that is installed is C++.
AC_DEFUN([GATTN_CXX], [
  AC_ARG_VAR([CXX], [C++ compiler, to test the public headers with])
  AC_CHECK_PROGS([CXX], [g++ clang++ c++])
  gattn_cxx="not tested (no C++17 compiler)"
  AS_IF([test -n "$CXX"], [
    AC_MSG_CHECKING([whether $CXX compiles C++17])
    AS_ECHO(["#include <cstdint>"]) >conftest.cc
    AS_IF([$CXX -std=c++17 -fsyntax-only conftest.cc >&AS_MESSAGE_LOG_FD 2>&1],
      [AC_MSG_RESULT([yes])
       gattn_cxx="tested with $CXX"],
      [AC_MSG_RESULT([no])
       CXX=])
    rm -f conftest.cc
  ])
])

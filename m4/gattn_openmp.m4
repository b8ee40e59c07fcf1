dnl OpenMP threads. SPDX-License-Identifier: Apache-2.0
dnl GATTN_OPENMP sets OPENMP_CFLAGS and gattn_openmp (for the summary). Without
dnl OpenMP the library runs on one thread, and its pragmas are no news.
AC_DEFUN([GATTN_OPENMP], [
  AC_OPENMP
  AS_IF([test -n "$OPENMP_CFLAGS"], [gattn_openmp="yes ($OPENMP_CFLAGS)"],
    [AS_IF([test "$ac_cv_prog_c_openmp" = "none needed"],
      [gattn_openmp="yes"],
      [gattn_openmp="no (one thread)"
       OPENMP_CFLAGS=-Wno-unknown-pragmas])])
])

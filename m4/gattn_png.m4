dnl libpng, for `gattn mask --png` alone. SPDX-License-Identifier: Apache-2.0
dnl GATTN_PNG sets PNG_CFLAGS, PNG_LIBS and gattn_png (for the summary), and
dnl defines GATTN_HAVE_PNG and the conditional PNG where libpng is used.
AC_DEFUN([GATTN_PNG], [
  AC_ARG_WITH([png],
    [AS_HELP_STRING([--with-png],
      [require libpng (default: used if there)])], [], [with_png=guess])
  gattn_png="no (gattn mask --png refuses)"
  gattn_have_png=no
  AS_IF([test "x$with_png" != xno], [
    PKG_CHECK_MODULES([PNG], [libpng],
      [gattn_have_png=yes
       gattn_png="yes (`$PKG_CONFIG --modversion libpng`)"],
      [AS_IF([test "x$with_png" != xguess],
        [AC_MSG_ERROR([--with-png: $PNG_PKG_ERRORS])])])
  ])
  AM_CONDITIONAL([PNG], [test $gattn_have_png = yes])
  AM_COND_IF([PNG],
    [AC_DEFINE([GATTN_HAVE_PNG], [1], [libpng is linked to the command])],
    [PNG_CFLAGS= PNG_LIBS=])
])

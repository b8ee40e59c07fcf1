dnl The unit test framework Check. SPDX-License-Identifier: Apache-2.0
dnl GATTN_CHECK sets CHECK_CFLAGS, CHECK_LIBS and gattn_check (for the summary)
dnl and the conditionals HAVE_CHECK and CHECK_DECLINED. Where Check is missing
dnl `make check` fails and says so; --without-check declines the unit tests,
dnl and `make check` runs the rest.
AC_DEFUN([GATTN_CHECK], [
  AC_ARG_WITH([check],
    [AS_HELP_STRING([--without-check],
      [do without the unit tests (default: built by make check)])],
    [], [with_check=guess])
  gattn_check="no (make check needs it: package check)"
  gattn_have_check=no
  AS_IF([test "x$with_check" = xno],
    [gattn_check="no (--without-check)"],
    [PKG_CHECK_MODULES([CHECK], [check >= 0.15],
      [gattn_have_check=yes
       gattn_check="yes (`$PKG_CONFIG --modversion check`)"],
      [AS_IF([test "x$with_check" != xguess],
        [AC_MSG_ERROR([--with-check: $CHECK_PKG_ERRORS])])])])
  AM_CONDITIONAL([HAVE_CHECK], [test $gattn_have_check = yes])
  AM_CONDITIONAL([CHECK_DECLINED], [test "x$with_check" = xno])
])

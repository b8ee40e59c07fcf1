dnl Warnings. SPDX-License-Identifier: Apache-2.0
dnl GATTN_WARNINGS sets WARNING_CFLAGS: -Wall -Wextra, less clang's complaint
dnl about a loop it was asked to vectorise and did not, which depends on -O.
AC_DEFUN([GATTN_WARNINGS], [
  WARNING_CFLAGS="-Wall -Wextra"
  AC_MSG_CHECKING([whether the compiler knows -Wpass-failed])
  gattn_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror -Wpass-failed"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [WARNING_CFLAGS="$WARNING_CFLAGS -Wno-pass-failed"
     AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])])
  CFLAGS=$gattn_save_CFLAGS
  AC_SUBST([WARNING_CFLAGS])
])

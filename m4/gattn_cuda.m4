dnl The CUDA compiler. SPDX-License-Identifier: Apache-2.0
dnl GATTN_CUDA looks for nvcc and sets NVCC, the conditional CUDA and gattn_cuda
dnl (for the summary). Nothing is built with it yet.
dnl   default           guess: PATH, then /usr/local/cuda; absence is fine
dnl   --with-cuda       as the guess, but absence is an error
dnl   --with-cuda=DIR   DIR/bin/nvcc, nothing else
dnl   --without-cuda    does not look
AC_DEFUN([GATTN_CUDA], [
  AC_ARG_WITH([cuda],
    [AS_HELP_STRING([--with-cuda@<:@=DIR@:>@],
      [require nvcc, of DIR/bin if given (default: found if there)])],
    [], [with_cuda=guess])
  AC_SUBST([NVCC], [])
  gattn_cuda=no
  AS_IF([test "x$with_cuda" = x], [with_cuda=yes])
  AS_IF([test "x$with_cuda" != xno], [
    AC_MSG_CHECKING([for nvcc])
    AS_CASE([$with_cuda],
      [yes | guess], [gattn_cuda_path=$PATH$PATH_SEPARATOR/usr/local/cuda/bin],
      [gattn_cuda_path=$with_cuda/bin])
    gattn_save_IFS=$IFS; IFS=$PATH_SEPARATOR
    for gattn_dir in $gattn_cuda_path; do
      IFS=$gattn_save_IFS
      AS_IF([test -z "$NVCC" && test -f "$gattn_dir/nvcc" &&
             test -x "$gattn_dir/nvcc"], [NVCC=$gattn_dir/nvcc])
    done
    IFS=$gattn_save_IFS
    AS_IF([test -n "$NVCC"], [
      gattn_cuda_release=`"$NVCC" --version 2>/dev/null |
        sed -n 's/.*release \(@<:@0-9.@:>@*\).*/\1/p'`
      AS_IF([test -n "$gattn_cuda_release"],
        [gattn_cuda="$NVCC, release $gattn_cuda_release (not used yet)"],
        [NVCC=])
    ])
    AS_IF([test -n "$NVCC"], [AC_MSG_RESULT([$gattn_cuda])],
      [AC_MSG_RESULT([no])
       AS_IF([test "$with_cuda" != guess],
         [AC_MSG_ERROR([--with-cuda=$with_cuda: no working nvcc in \
$gattn_cuda_path; name the CUDA installation or use --without-cuda])])
       gattn_cuda="no (nvcc not found)"])
  ], [gattn_cuda="no (--without-cuda)"])
  AM_CONDITIONAL([CUDA], [test -n "$NVCC"])
])

dnl AVX2 and AVX-512 kernels. SPDX-License-Identifier: Apache-2.0
dnl GATTN_X86 defines GATTN_HAVE_X86_KERNELS and the conditional X86_KERNELS
dnl where the compiler builds them, and sets gattn_x86 (for the summary). The
dnl processor decides at run time which of them is used.
AC_DEFUN([GATTN_X86], [
  AC_ARG_ENABLE([x86-kernels],
    [AS_HELP_STRING([--disable-x86-kernels],
      [build the portable kernels alone])], [], [enable_x86_kernels=yes])
  gattn_x86=no
  AS_IF([test "x$enable_x86_kernels" != xno], [
    AC_MSG_CHECKING([whether the compiler builds AVX2 and AVX-512 kernels])
    gattn_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -mavx2 -mfma -mf16c"
    CFLAGS="$CFLAGS -mavx512f -mavx512bw -mavx512dq -mavx512vl"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <immintrin.h>]],
      [[__m512 x = _mm512_setzero_ps();
        (void)x;
        return __builtin_cpu_supports("avx512f");]])],
      [gattn_x86="yes (AVX2, AVX-512)"])
    CFLAGS=$gattn_save_CFLAGS
    AC_MSG_RESULT([$gattn_x86])
  ])
  AM_CONDITIONAL([X86_KERNELS], [test "x$gattn_x86" != xno])
  AM_COND_IF([X86_KERNELS],
    [AC_DEFINE([GATTN_HAVE_X86_KERNELS], [1],
      [AVX2 and AVX-512 kernels are built])])
])

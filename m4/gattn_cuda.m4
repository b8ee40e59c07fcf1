dnl The CUDA compiler and run time. SPDX-License-Identifier: Apache-2.0
dnl GATTN_CUDA sets NVCC, NVCCFLAGS, CUDA_GENCODE, CUDA_CPPFLAGS, CUDA_LIBS, the
dnl conditional CUDA and gattn_cuda (for the summary), and defines
dnl GATTN_HAVE_CUDA where the library is built with CUDA. The run time is linked
dnl statically and finds the driver itself: the library loads without either.
dnl   default           guess: NVCC, PATH, /usr/local/cuda; absence is fine
dnl   --with-cuda       as the guess, but absence is an error
dnl   --with-cuda=DIR   DIR/bin/nvcc (or NVCC, with DIR's run time)
dnl   --without-cuda    does not look
dnl NVCC may come with words before it: NVCC='ccache nvcc'.

dnl GATTN_CUDA_GENCODE(LIST): sets CUDA_GENCODE, nvcc's options for a list such
dnl as 80,80+ptx,90a, or leaves it empty where LIST is malformed.
AC_DEFUN([GATTN_CUDA_GENCODE], [
  CUDA_GENCODE=
  for gattn_arch in `AS_ECHO(["$1"]) | tr ',;' '  '`; do
    gattn_number=`AS_ECHO(["$gattn_arch"]) |
      sed -n 's/^\(@<:@1-9@:>@@<:@0-9@:>@*@<:@af@:>@\{0,1\}\)\(+ptx\)\{0,1\}$/\1/p'`
    AS_IF([test -z "$gattn_number"], [CUDA_GENCODE=; break])
    AS_CASE([$gattn_arch],
      [*+ptx], [gattn_code=compute_$gattn_number],
      [gattn_code=sm_$gattn_number])
    AS_VAR_APPEND([CUDA_GENCODE],
      [" -gencode=arch=compute_$gattn_number,code=$gattn_code"])
  done
])

dnl GATTN_CUDA_TRY: sets gattn_cuda_problem to what keeps NVCC or the run time
dnl from working, empty where both do.
AC_DEFUN([GATTN_CUDA_TRY], [
  gattn_cuda_problem=
  dnl CUB counts in 64 bits since CUDA 12.9.
  cat >conftest.cu <<_GATTN_CU
#include <cub/version.cuh>
#if CUB_VERSION < 200800
#error "older than CUDA 12.9"
#endif
__global__ void kernel(int *x) { *x = 1; }
_GATTN_CU
  AS_IF([$NVCC $NVCCFLAGS -std=c++17 $CUDA_GENCODE -c -o conftest_cu.o \
           conftest.cu >&AS_MESSAGE_LOG_FD 2>&1], [],
    [gattn_cuda_problem="$NVCC does not compile for $with_cuda_arch, \
or is older than 12.9"])
  dnl Since CUDA 12.4; a quarter of the size.
  AS_IF([$NVCC --compress-mode=size --dryrun conftest.cu \
           >&AS_MESSAGE_LOG_FD 2>&1],
    [AS_VAR_APPEND([CUDA_GENCODE], [" --compress-mode=size"])])
  rm -f conftest.cu conftest_cu.o
  AS_IF([test -z "$gattn_cuda_problem"], [
    gattn_save_CPPFLAGS=$CPPFLAGS
    gattn_save_LIBS=$LIBS
    CPPFLAGS="$CPPFLAGS $CUDA_CPPFLAGS"
    LIBS="$CUDA_LIBS $LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <cuda_runtime_api.h>]],
      [[int n; return cudaGetDeviceCount(&n);]])], [],
      [gattn_cuda_problem="the static CUDA run time does not link"])
    CPPFLAGS=$gattn_save_CPPFLAGS
    LIBS=$gattn_save_LIBS
  ])
])

AC_DEFUN([GATTN_CUDA], [
  AC_ARG_WITH([cuda],
    [AS_HELP_STRING([--with-cuda@<:@=DIR@:>@],
      [require CUDA, of the installation DIR if given (default: used if
       there)])], [], [with_cuda=guess])
  AC_ARG_WITH([cuda-arch],
    [AS_HELP_STRING([--with-cuda-arch=LIST],
      [machine code for these compute capabilities, and PTX for N+ptx
       (default: 80,80+ptx,90a)])], [], [with_cuda_arch=80,80+ptx,90a])
  AC_ARG_VAR([NVCC], [CUDA compiler command])
  AC_ARG_VAR([NVCCFLAGS], [CUDA compiler flags])
  AS_IF([test -z "$NVCCFLAGS"], [NVCCFLAGS=-O3])
  AS_IF([test "x$with_cuda" = x], [with_cuda=yes])
  GATTN_CUDA_GENCODE([$with_cuda_arch])
  AS_IF([test -z "$CUDA_GENCODE"],
    [AC_MSG_ERROR([--with-cuda-arch=$with_cuda_arch: expected a list such as \
80,80+ptx,90a])])

  CUDA_CPPFLAGS= CUDA_LIBS=
  gattn_have_cuda=no
  AS_IF([test "x$with_cuda" = xno], [gattn_cuda="no (--without-cuda)"], [
    AC_MSG_CHECKING([for nvcc])
    AS_CASE([$with_cuda],
      [yes | guess], [gattn_cuda_path=$PATH$PATH_SEPARATOR/usr/local/cuda/bin],
      [gattn_cuda_path=$with_cuda/bin])
    gattn_nvcc=
    gattn_save_IFS=$IFS; IFS=$PATH_SEPARATOR
    for gattn_dir in $gattn_cuda_path; do
      IFS=$gattn_save_IFS
      AS_IF([test -z "$gattn_nvcc" && test -f "$gattn_dir/nvcc" &&
             test -x "$gattn_dir/nvcc"], [gattn_nvcc=$gattn_dir/nvcc])
    done
    IFS=$gattn_save_IFS
    AS_IF([test -z "$NVCC"], [NVCC=$gattn_nvcc])
    AS_IF([test -z "$NVCC"], [
      AC_MSG_RESULT([no])
      gattn_cuda_problem="no nvcc in $gattn_cuda_path"
    ], [
      dnl A link to nvcc stands in many a bin/; the installation is around what
      dnl it leads to.
      AS_CASE([$with_cuda],
        [yes | guess], [
          gattn_dir=`readlink -f "${gattn_nvcc:-/usr/local/cuda/bin/nvcc}"`
          gattn_cuda_dir=`AS_DIRNAME(["$gattn_dir"])`
          gattn_cuda_dir=`AS_DIRNAME(["$gattn_cuda_dir"])`],
        [gattn_cuda_dir=$with_cuda])
      gattn_cuda_release=`$NVCC --version 2>/dev/null |
        sed -n 's/.*release \(@<:@0-9.@:>@*\).*/\1/p'`
      AC_MSG_RESULT([$NVCC, release ${gattn_cuda_release:-unknown}])
      AS_IF([test -f "$gattn_cuda_dir/include/cuda_runtime_api.h" &&
             test "$gattn_cuda_dir" != /usr],
        [CUDA_CPPFLAGS="-isystem $gattn_cuda_dir/include"])
      for gattn_dir in lib64 lib targets/x86_64-linux/lib; do
        AS_IF([test -z "$CUDA_LIBS" &&
               test -f "$gattn_cuda_dir/$gattn_dir/libcudart_static.a"],
          [CUDA_LIBS="-L$gattn_cuda_dir/$gattn_dir"])
      done
      CUDA_LIBS="$CUDA_LIBS -lcudart_static -ldl -lrt -lpthread -lstdc++"
      AC_MSG_CHECKING([whether CUDA works])
      GATTN_CUDA_TRY
      AS_IF([test -z "$gattn_cuda_problem"],
        [AC_MSG_RESULT([yes, for $with_cuda_arch])
         gattn_have_cuda=yes
         gattn_cuda="$NVCC, release $gattn_cuda_release, for $with_cuda_arch"],
        [AC_MSG_RESULT([no: $gattn_cuda_problem])])
    ])
    AS_IF([test $gattn_have_cuda = no], [
      AS_IF([test "$with_cuda" != guess],
        [AC_MSG_ERROR([--with-cuda=$with_cuda: $gattn_cuda_problem; \
name the CUDA installation or use --without-cuda (config.log says more)])])
      gattn_cuda="no ($gattn_cuda_problem)"
      CUDA_CPPFLAGS= CUDA_LIBS=
    ])
  ])
  AC_SUBST([CUDA_GENCODE])
  AC_SUBST([CUDA_CPPFLAGS])
  AC_SUBST([CUDA_LIBS])
  AM_CONDITIONAL([CUDA], [test $gattn_have_cuda = yes])
  AM_COND_IF([CUDA],
    [AC_DEFINE([GATTN_HAVE_CUDA], [1], [the library is built with CUDA])
     AC_DEFINE_UNQUOTED([GATTN_CUDA_ARCH], ["$with_cuda_arch"],
       [compute capabilities the device code is for])
     AC_DEFINE_UNQUOTED([GATTN_CUDA_RELEASE], ["$gattn_cuda_release"],
       [release of the CUDA compiler])])
])

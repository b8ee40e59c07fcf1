/* .npy files: headers, mapped input. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gattn.h>

#include "brutal.h"
#include "lib/npy.h"

static gattn_context *context;
static char directory[32];

static void setup(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  strcpy(directory, "check_npy.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
  ck_assert_int_eq(chdir(directory), 0);
}

static void teardown(void) {
  gattn_context_destroy(context);
  ck_assert_int_eq(chdir(".."), 0);
  ck_assert_int_eq(rmdir(directory), 0);
}

static void assert_failed(gattn_status got, gattn_status expected,
                          const char *words) {
  const char *message = gattn_context_message(context);
  if (got != expected || !strstr(message, words))
    ck_abort_msg("got %s: \"%s\"; expected %s: \"…%s…\"",
                 gattn_status_name(got), message, gattn_status_name(expected),
                 words);
}

/* A file in memory, aligned as a mapping is. */
typedef struct npy_image {
  _Alignas(64) char bytes[4096];
  size_t length;
} npy_image;

/* A file of the version, with text as its header and payload bytes behind. */
static npy_image image_of(int version, const char *text, size_t payload) {
  npy_image image = {.length = 0};
  size_t length = strlen(text), start = version == 1 ? 10 : 12;
  memcpy(image.bytes, "\x93NUMPY", 6);
  image.bytes[6] = (char)version;
  for (size_t b = 8; b < start; b++)
    image.bytes[b] = (char)(length >> 8 * (b - 8));
  memcpy(image.bytes + start, text, length);
  image.length = start + length + payload;
  ck_assert_uint_le(image.length, sizeof image.bytes);
  for (size_t b = 0; b < payload; b++)
    image.bytes[start + length + b] = (char)b;
  return image;
}

static gattn_status parse(const npy_image *image, gattn_tensor *tensor) {
  return gattn_npy_parse(context, "x.npy", image->bytes, image->length, tensor);
}

/* Texts are padded to 54 bytes in version 1 and 52 in 2 and 3: 64 in all. */
#define F4      "'descr': '<f4'"
#define C_ORDER "'fortran_order': False"

static const struct good_header {
  int version;
  const char *text;
  size_t payload;
  gattn_type type;
  int32_t rank;
  int64_t shape[4];
} good_headers[] = {
    {1,
     "{'descr':'<f4','fortran_order':False,'shape':(2,3)}  \n",
     24,
     GATTN_FLOAT32,
     2,
     {2, 3}},
    {1,
     "{'shape':(2,3,), 'descr':'<f2','fortran_order':False}\n",
     12,
     GATTN_FLOAT16,
     2,
     {2, 3}},
    {1,
     "{'fortran_order':False,'descr':'<i8','shape':(3,), } \n",
     24,
     GATTN_INT64,
     1,
     {3}},
    {2,
     "{'descr':'<f4','fortran_order':False,'shape':(2,3)}\n",
     24,
     GATTN_FLOAT32,
     2,
     {2, 3}},
    {3,
     "{'descr':'<f4','fortran_order':False,'shape':(2,3)}\n",
     24,
     GATTN_FLOAT32,
     2,
     {2, 3}},
    {1,
     "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(1,)}    ",
     4,
     GATTN_FLOAT32,
     1,
     {1}},
    {1,
     " { 'descr':'<f4','fortran_order':False,'shape':( 0 ,)}",
     0,
     GATTN_FLOAT32,
     1,
     {0}},
    {1,
     "{'descr':'<f4','fortran_order':False,'shape':(1,2,3,4)}"
     "                                                               ",
     96,
     GATTN_FLOAT32,
     4,
     {1, 2, 3, 4}},
};

START_TEST(parses) {
  const struct good_header *row = &good_headers[_i];
  npy_image image = image_of(row->version, row->text, row->payload);
  gattn_tensor tensor;
  gattn_status status = parse(&image, &tensor);
  ck_assert_msg(!status, "%s", gattn_context_message(context));
  ck_assert_int_eq(tensor.type, row->type);
  ck_assert_int_eq(tensor.rank, row->rank);
  ck_assert_mem_eq(tensor.shape, row->shape, (size_t)row->rank * 8);
  ck_assert_int_eq(tensor.strides[row->rank - 1], 1);
  ck_assert_ptr_eq(tensor.data, image.bytes + image.length - row->payload);
}
END_TEST

/* Text that is not padded is judged before the alignment of the payload. */
static const struct bad_header {
  const char *text;
  gattn_status status;
  const char *words;
} bad_headers[] = {
    {"", GATTN_ERROR_FORMAT, "header byte 0: found the end, expected '{'"},
    {"[", GATTN_ERROR_FORMAT, "found '[', expected '{'"},
    {"\t{}", GATTN_ERROR_FORMAT, "found byte 0x09"},
    {"{", GATTN_ERROR_FORMAT, "found the end, expected a quoted key or '}'"},
    {"{}", GATTN_ERROR_FORMAT, "lacks 'descr'"},
    {"{,}", GATTN_ERROR_FORMAT, "header byte 1: found ','"},
    {"{" F4 "}", GATTN_ERROR_FORMAT, "lacks 'fortran_order'"},
    {"{" F4 ", " C_ORDER "}", GATTN_ERROR_FORMAT, "lacks 'shape'"},
    {"{" C_ORDER ", 'shape': (1,)}", GATTN_ERROR_FORMAT, "lacks 'descr'"},
    {"{" F4 ", " F4 "}", GATTN_ERROR_FORMAT, "names 'descr' twice"},
    {"{" C_ORDER "," C_ORDER "}", GATTN_ERROR_FORMAT, "'fortran_order' twice"},
    {"{'shape': (1,), 'shape': (1,)}", GATTN_ERROR_FORMAT, "'shape' twice"},
    {"{" F4 " " C_ORDER "}", GATTN_ERROR_FORMAT, "expected ',' or '}'"},
    {"{" F4 ",,}", GATTN_ERROR_FORMAT, "found ','"},
    {"{'order': 1}", GATTN_ERROR_FORMAT, "unknown key 'order'"},
    {"{'descr", GATTN_ERROR_FORMAT, "found the end, expected the closing"},
    {"{'a\\'b': 1}", GATTN_ERROR_FORMAT, "found '\\', expected the closing"},
    {"{'d\xc3\xa9': 1}", GATTN_ERROR_FORMAT, "found byte 0xc3"},
    {"{'a key that is much longer than any is': 1}", GATTN_ERROR_FORMAT,
     "expected the closing quote"},
    {"{'descr' '<f4'}", GATTN_ERROR_FORMAT, "expected ':'"},
    {"{'descr': <f4}", GATTN_ERROR_FORMAT, "a string for descr"},
    {"{'descr': [('a', '<f4')]}", GATTN_ERROR_FORMAT, "found '['"},
    {"{'descr': '>f4'}", GATTN_ERROR_TYPE, "'>f4'"},
    {"{'descr': '<f8'}", GATTN_ERROR_TYPE, "'<f8'"},
    {"{'descr': '<i4'}", GATTN_ERROR_TYPE, "'<i4'"},
    {"{'descr': '|O'}", GATTN_ERROR_TYPE, "'|O'"},
    {"{'descr': ''}", GATTN_ERROR_TYPE, "''"},
    {"{'fortran_order': True}", GATTN_ERROR_FORMAT, "Fortran order"},
    {"{'fortran_order': 0}", GATTN_ERROR_FORMAT, "expected True or False"},
    {"{'fortran_order': Fals", GATTN_ERROR_FORMAT, "expected True or False"},
    {"{'shape': 5}", GATTN_ERROR_FORMAT, "found '5', expected '('"},
    {"{'shape': (5)}", GATTN_ERROR_FORMAT, "found ')', expected ','"},
    {"{'shape': ()}", GATTN_ERROR_FORMAT, "has no axes"},
    {"{'shape': (,)}", GATTN_ERROR_FORMAT, "an extent, 0 or more"},
    {"{'shape': (2,,3)}", GATTN_ERROR_FORMAT, "found ','"},
    {"{'shape': (2, 3 4)}", GATTN_ERROR_FORMAT, "expected ',' or ')'"},
    {"{'shape': (-1, 3)}", GATTN_ERROR_FORMAT, "found '-'"},
    {"{'shape': (03, 3)}", GATTN_ERROR_FORMAT, "leading zero"},
    {"{'shape': (3.0, 3)}", GATTN_ERROR_FORMAT, "found '.'"},
    {"{'shape': (2", GATTN_ERROR_FORMAT, "found the end"},
    {"{'shape': (2, 3", GATTN_ERROR_FORMAT, "found the end"},
    {"{'shape': (2, 3,", GATTN_ERROR_FORMAT, "found the end"},
    {"{'shape': (1, 1, 1, 1, 1)}", GATTN_ERROR_FORMAT, "more than 4 axes"},
    {"{'shape': (9223372036854775808,)}", GATTN_ERROR_OVERFLOW, "63 bits"},
    {"{'shape': (99999999999999999999999,)}", GATTN_ERROR_OVERFLOW, "byte 11"},
    {"{" F4 "," C_ORDER ",'shape':(1,)} x", GATTN_ERROR_FORMAT,
     "found 'x', expected nothing after '}'"},
    {"{" F4 "," C_ORDER ",'shape':(4294967296,4294967296)}",
     GATTN_ERROR_OVERFLOW, "product of its extents"},
    {"{" F4 "," C_ORDER ",'shape':(0,4294967296,4294967296)}",
     GATTN_ERROR_OVERFLOW, "product of its extents"},
    {"{" F4 "," C_ORDER ",'shape':(2305843009213693951,)}", GATTN_ERROR_FORMAT,
     "which says 9223372036854775804"},
};

START_TEST(refuses_headers) {
  const struct bad_header *row = &bad_headers[_i];
  for (int version = 1; version <= 3; version++) {
    npy_image image = image_of(version, row->text, 0);
    gattn_tensor tensor = {.rank = -7};
    assert_failed(parse(&image, &tensor), row->status, row->words);
    ck_assert_int_eq(tensor.rank, -7);
    ck_assert_ptr_nonnull(strstr(gattn_context_message(context), "x.npy: "));
  }
}
END_TEST

static const char padded[] =
    "{'descr':'<f4','fortran_order':False,'shape':(2,3)}  \n";

/* The first bytes of an image, with nothing behind them, so that a sanitizer
 * sees a read past their end. */
static void assert_cut_fails(const npy_image *image, size_t length,
                             const char *words) {
  gattn_tensor tensor;
  char *cut = aligned_alloc(64, 4096), *bytes = cut + 4096 - length;
  memcpy(bytes, image->bytes, length);
  assert_failed(gattn_npy_parse(context, "x", bytes, length, &tensor),
                GATTN_ERROR_FORMAT, words);
  free(cut);
}

START_TEST(refuses_other_lengths) {
  npy_image image = image_of(1, padded, 24);
  for (size_t length = 0; length < image.length; length++)
    assert_cut_fails(&image, length,
                     length < 6    ? "x: is no .npy file"
                     : length < 10 ? "x: ends within its header"
                     : length < 64 ? "within its header of 64"
                                   : "bytes behind its header, which says 24");
  gattn_tensor tensor;
  assert_failed(gattn_npy_parse(context, "x", image.bytes, 89, &tensor),
                GATTN_ERROR_FORMAT, "holds 25 bytes");
  image = image_of(2, "", 0);
  for (size_t length = 6; length < 12; length++)
    assert_cut_fails(&image, length, "x: ends within its header");
}
END_TEST

START_TEST(refuses_other_magic_and_versions) {
  gattn_tensor tensor;
  for (int b = 0; b < 6; b++) {
    npy_image image = image_of(1, padded, 24);
    image.bytes[b] ^= 1;
    assert_failed(parse(&image, &tensor), GATTN_ERROR_FORMAT, "no .npy file");
  }
  static const char versions[][2] = {{0, 0}, {4, 0}, {(char)255, 0}, {1, 1}};
  for (int v = 0; v < 4; v++) {
    npy_image image = image_of(1, padded, 24);
    memcpy(image.bytes + 6, versions[v], 2);
    assert_failed(parse(&image, &tensor), GATTN_ERROR_FORMAT, "version");
  }
}
END_TEST

START_TEST(refuses_hostile_header_lengths) {
  gattn_tensor tensor;
  npy_image image = image_of(1, padded, 24);
  image.bytes[9] = (char)255;
  assert_failed(parse(&image, &tensor), GATTN_ERROR_FORMAT,
                "within its header of 65344");
  for (int b = 8; b < 12; b++) {
    image = image_of(2, padded, 24);
    memset(image.bytes + 8, 0, 4);
    image.bytes[b] = (char)255;
    assert_failed(parse(&image, &tensor), GATTN_ERROR_FORMAT, "header");
  }
  memset(image.bytes + 8, 255, 4);
  assert_failed(parse(&image, &tensor), GATTN_ERROR_FORMAT, "4294967295");
}
END_TEST

START_TEST(refuses_unaligned_elements) {
  gattn_tensor tensor;
  npy_image image =
      image_of(1, "{'descr':'<f4','fortran_order':False,'shape':(2,3)}", 24);
  assert_failed(parse(&image, &tensor), GATTN_ERROR_FORMAT, "unaligned");
}
END_TEST

START_TEST(refuses_nulls) {
  gattn_tensor tensor;
  gattn_npy *npy;
  int64_t shape[] = {1};
  assert_failed(gattn_npy_parse(context, NULL, "", 0, &tensor),
                GATTN_ERROR_NULL, "name");
  assert_failed(gattn_npy_parse(context, "x", NULL, 0, &tensor),
                GATTN_ERROR_NULL, "bytes");
  assert_failed(gattn_npy_parse(context, "x", "", 0, NULL), GATTN_ERROR_NULL,
                "tensor");
  assert_failed(gattn_npy_open(context, NULL, &tensor, &npy), GATTN_ERROR_NULL,
                "path");
  assert_failed(gattn_npy_open(context, "x", NULL, &npy), GATTN_ERROR_NULL,
                "tensor");
  assert_failed(gattn_npy_open(context, "x", &tensor, NULL), GATTN_ERROR_NULL,
                "npy");
  assert_failed(
      gattn_npy_create(context, NULL, GATTN_FLOAT32, 1, shape, &tensor, &npy),
      GATTN_ERROR_NULL, "path");
  assert_failed(
      gattn_npy_create(context, "x", GATTN_FLOAT32, 1, NULL, &tensor, &npy),
      GATTN_ERROR_NULL, "shape");
  assert_failed(
      gattn_npy_create(context, "x", GATTN_FLOAT32, 1, shape, NULL, &npy),
      GATTN_ERROR_NULL, "tensor");
  assert_failed(
      gattn_npy_create(context, "x", GATTN_FLOAT32, 1, shape, &tensor, NULL),
      GATTN_ERROR_NULL, "npy");
  assert_failed(gattn_npy_commit(context, NULL), GATTN_ERROR_NULL, "npy");
  ck_assert_int_eq(gattn_npy_open(NULL, "x", &tensor, &npy), GATTN_ERROR_NULL);
  ck_assert_int_eq(
      gattn_npy_create(NULL, "x", GATTN_FLOAT32, 1, shape, &tensor, &npy),
      GATTN_ERROR_NULL);
  gattn_npy_close(NULL);
}
END_TEST

/* What NumPy 2 writes for an array of two axes, byte by byte. */
START_TEST(headers_are_numpys_own) {
  char header[GATTN_NPY_HEADER_SIZE];
  static const char expected[] =
      "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, "
      "'shape': (3, 5), }                                                      "
      "    \n";
  size_t length = gattn_npy_header(GATTN_FLOAT32, 2, (int64_t[]){3, 5}, header);
  ck_assert_uint_eq(length, 128);
  ck_assert_uint_eq(sizeof expected - 1, 128);
  ck_assert_mem_eq(header, expected, 128);
}
END_TEST

START_TEST(headers_of_any_shape_parse) {
  static const int64_t extents[] = {0, 1, 7, 1000000};
  for (int32_t rank = 1; rank <= GATTN_MAX_RANK; rank++)
    for (int e = 0; e < 4; e++) {
      int64_t shape[4] = {0, extents[e], extents[e], extents[e]};
      _Alignas(64) char header[GATTN_NPY_HEADER_SIZE];
      size_t length = gattn_npy_header(GATTN_FLOAT16, rank, shape, header);
      ck_assert_uint_eq(length % 64, 0);
      ck_assert_int_eq(header[length - 1], '\n');
      gattn_tensor tensor;
      gattn_status status =
          gattn_npy_parse(context, "x", header, length, &tensor);
      ck_assert_msg(!status, "%s", gattn_context_message(context));
      ck_assert_int_eq(tensor.rank, rank);
      ck_assert_mem_eq(tensor.shape, shape, (size_t)rank * 8);
    }
  char header[GATTN_NPY_HEADER_SIZE];
  int64_t longest[] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
  ck_assert_uint_eq(gattn_npy_header(GATTN_INT64, 4, longest, header), 192);
  ck_assert_uint_eq(gattn_npy_header(GATTN_BFLOAT16, 1, longest, header), 0);
}
END_TEST

static void write_file(const char *path, const void *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
  ck_assert_int_eq(fclose(file), 0);
}

START_TEST(opens) {
  npy_image image = image_of(1, padded, 24);
  write_file("a.npy", image.bytes, image.length);
  gattn_tensor tensor;
  gattn_npy *npy;
  ck_assert_int_eq(gattn_npy_open(context, "a.npy", &tensor, &npy),
                   GATTN_SUCCESS);
  ck_assert_mem_eq(tensor.data, image.bytes + 64, 24);
  ck_assert_int_eq(gattn_tensor_check(context, &tensor), GATTN_SUCCESS);
  assert_failed(gattn_npy_commit(context, npy), GATTN_ERROR_STATE, "reading");
  gattn_npy_close(npy);
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

START_TEST(opens_an_array_without_elements) {
  npy_image image =
      image_of(1, "{'descr':'<f4','fortran_order':False,'shape':(0,3)}  \n", 0);
  write_file("a.npy", image.bytes, image.length);
  gattn_tensor tensor;
  gattn_npy *npy;
  ck_assert_int_eq(gattn_npy_open(context, "a.npy", &tensor, &npy),
                   GATTN_SUCCESS);
  ck_assert_int_eq(gattn_tensor_elements(&tensor), 0);
  gattn_npy_close(npy);
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

static void assert_open_fails(const char *path, gattn_status status,
                              const char *words) {
  gattn_tensor tensor = {.rank = -7};
  gattn_npy *npy = (gattn_npy *)&tensor;
  assert_failed(gattn_npy_open(context, path, &tensor, &npy), status, words);
  ck_assert_int_eq(tensor.rank, -7);
  ck_assert_ptr_eq(npy, &tensor);
}

START_TEST(open_refuses) {
  assert_open_fails("nope.npy", GATTN_ERROR_FILE,
                    "nope.npy: No such file or directory");
  assert_open_fails(".", GATTN_ERROR_FILE, ".: Is a directory");
  assert_open_fails("/dev/null", GATTN_ERROR_FILE, "no regular file");
  ck_assert_int_eq(mkfifo("pipe", 0600), 0);
  assert_open_fails("pipe", GATTN_ERROR_FILE, "pipe: is no regular file");
  ck_assert_int_eq(remove("pipe"), 0);
  write_file("a.npy", "", 0);
  assert_open_fails("a.npy", GATTN_ERROR_FORMAT, "a.npy: is empty");
  npy_image image = image_of(1, padded, 23);
  write_file("a.npy", image.bytes, image.length);
  assert_open_fails("a.npy", GATTN_ERROR_FORMAT, "a.npy: holds 23 bytes");
  write_file("a.npy", image.bytes, 9);
  assert_open_fails("a.npy", GATTN_ERROR_FORMAT, "a.npy: ends within");
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

static gattn_status open_and_close(gattn_context *brutal, void *path) {
  gattn_tensor tensor;
  gattn_npy *npy = NULL;
  gattn_status status = gattn_npy_open(brutal, path, &tensor, &npy);
  gattn_npy_close(npy);
  return status;
}

START_TEST(open_survives_failing_allocations) {
  npy_image image = image_of(1, padded, 24);
  write_file("a.npy", image.bytes, image.length);
  ck_assert_int_ge(brutal_run(open_and_close, "a.npy"), 2);
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

static Suite *make_npy_suite(void) {
  Suite *suite = suite_create("npy");
  TCase *tcase = tcase_create("npy");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, parses, 0,
                      sizeof good_headers / sizeof *good_headers);
  tcase_add_loop_test(tcase, refuses_headers, 0,
                      sizeof bad_headers / sizeof *bad_headers);
  tcase_add_test(tcase, refuses_other_lengths);
  tcase_add_test(tcase, refuses_other_magic_and_versions);
  tcase_add_test(tcase, refuses_hostile_header_lengths);
  tcase_add_test(tcase, refuses_unaligned_elements);
  tcase_add_test(tcase, refuses_nulls);
  tcase_add_test(tcase, headers_are_numpys_own);
  tcase_add_test(tcase, headers_of_any_shape_parse);
  tcase_add_test(tcase, opens);
  tcase_add_test(tcase, opens_an_array_without_elements);
  tcase_add_test(tcase, open_refuses);
  tcase_add_test(tcase, open_survives_failing_allocations);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_npy_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

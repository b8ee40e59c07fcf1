/* Statuses, versions, names of instruction sets, and built text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cpu.h"
#include "lib/text.h"

static const struct {
  const char *name;
  gattn_status status;
  int number;
  const char *sentence;
} statuses[] = {
#define ROW(name, number, sentence) {#name, name, number, sentence},
    GATTN_STATUS_TABLE(ROW)
#undef ROW
};
enum { STATUSES = sizeof statuses / sizeof *statuses };

START_TEST(status_has_name_and_sentence) {
  gattn_status status = statuses[_i].status;
  ck_assert_int_eq(status, statuses[_i].number);
  ck_assert_str_eq(gattn_status_name(status), statuses[_i].name);
  ck_assert_str_eq(gattn_status_string(status), statuses[_i].sentence);
  ck_assert_str_ne(gattn_status_string(status), "");
  bool error = !strncmp(statuses[_i].name, "GATTN_ERROR_", 12);
  bool note = !strncmp(statuses[_i].name, "GATTN_NOTE_", 11);
  ck_assert_int_eq(error, status < 0);
  ck_assert_int_eq(note, status > 0);
}
END_TEST

START_TEST(statuses_are_distinct) {
  for (int a = 0; a < STATUSES; a++)
    for (int b = 0; b < a; b++) {
      ck_assert_int_ne(statuses[a].number, statuses[b].number);
      ck_assert_str_ne(statuses[a].name, statuses[b].name);
      ck_assert_str_ne(statuses[a].sentence, statuses[b].sentence);
    }
}
END_TEST

START_TEST(unknown_status) {
  const int unknown[] = {INT_MIN, -1000, 1000, INT_MAX};
  for (size_t u = 0; u < sizeof unknown / sizeof *unknown; u++) {
    gattn_status status = (gattn_status)unknown[u];
    ck_assert_str_eq(gattn_status_name(status), "GATTN_STATUS_UNKNOWN");
    for (int s = 0; s < STATUSES; s++)
      ck_assert_str_ne(gattn_status_string(status), statuses[s].sentence);
  }
}
END_TEST

START_TEST(version_agrees_with_header) {
  char text[64];
  ck_assert_int_eq(gattn_version(), GATTN_VERSION);
  ck_assert_int_eq(GATTN_VERSION, GATTN_VERSION_MAJOR * 1000000 +
                                      GATTN_VERSION_MINOR * 1000 +
                                      GATTN_VERSION_PATCH);
  snprintf(text, sizeof text, "%d.%d.%d", GATTN_VERSION_MAJOR,
           GATTN_VERSION_MINOR, GATTN_VERSION_PATCH);
  ck_assert_str_eq(gattn_version_string(), text);
  ck_assert_str_eq(GATTN_VERSION_STRING, text);
}
END_TEST

START_TEST(instruction_sets) {
  ck_assert_str_eq(gattn_isa_name(GATTN_ISA_PORTABLE), "portable");
  ck_assert_str_eq(gattn_isa_name(GATTN_ISA_AVX2), "avx2");
  ck_assert_str_eq(gattn_isa_name(GATTN_ISA_AVX512), "avx512");
  ck_assert_str_eq(gattn_isa_name((gattn_isa)17), "unknown");
  ck_assert_int_eq(gattn_isa_available(GATTN_ISA_AUTO), 1);
  ck_assert_int_eq(gattn_isa_available(GATTN_ISA_PORTABLE), 1);
  ck_assert_int_eq(gattn_isa_available((gattn_isa)17), 0);
  ck_assert_int_eq(gattn_isa_available((gattn_isa)-1), 0);
  gattn_isa best = gattn_isa_best();
  ck_assert(gattn_isa_available(best));
  for (int isa = best + 1; isa <= GATTN_ISA_AVX512; isa++)
    ck_assert(!gattn_isa_available((gattn_isa)isa));
}
END_TEST

START_TEST(text_grows_to_its_size) {
  char buffer[12];
  gattn_text text = gattn_text_start(buffer, sizeof buffer);
  ck_assert_str_eq(buffer, "");
  gattn_text_append(&text, "local(%d", 4);
  gattn_text_append(&text, ")");
  ck_assert_str_eq(buffer, "local(4)");
  ck_assert_uint_eq(text.length, 8);
  ck_assert(!text.truncated);
  gattn_text_append(&text, "%s", "abc");
  ck_assert_str_eq(buffer, "local(4)abc");
  ck_assert(!text.truncated);
  gattn_text_append(&text, "d");
  ck_assert(text.truncated);
  ck_assert_str_eq(buffer, "local(4)abc");
  gattn_text_append(&text, "%s", "");
  ck_assert(text.truncated);
}
END_TEST

START_TEST(text_is_cut) {
  char buffer[8];
  memset(buffer, '#', sizeof buffer);
  gattn_text text = gattn_text_start(buffer, 4);
  gattn_text_append(&text, "%s", "abcdef");
  ck_assert(text.truncated);
  ck_assert_str_eq(buffer, "abc");
  ck_assert_uint_eq(text.length, 3);
  ck_assert_mem_eq(buffer + 4, "####", 4);
}
END_TEST

START_TEST(text_without_room) {
  char buffer[1] = {'#'};
  gattn_text text = gattn_text_start(buffer, 0);
  gattn_text_append(&text, "a");
  ck_assert(text.truncated);
  ck_assert_int_eq(buffer[0], '#');
  text = gattn_text_start(NULL, 0);
  gattn_text_append(&text, "a");
  gattn_text_append(&text, "b");
  ck_assert(text.truncated);
  text = gattn_text_start(buffer, 1);
  gattn_text_append(&text, "a");
  ck_assert(text.truncated);
  ck_assert_str_eq(buffer, "");
}
END_TEST

static Suite *make_status_suite(void) {
  Suite *suite = suite_create("status");
  TCase *tcase = tcase_create("status");
  tcase_add_loop_test(tcase, status_has_name_and_sentence, 0, STATUSES);
  tcase_add_test(tcase, statuses_are_distinct);
  tcase_add_test(tcase, unknown_status);
  tcase_add_test(tcase, version_agrees_with_header);
  tcase_add_test(tcase, instruction_sets);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("text");
  tcase_add_test(tcase, text_grows_to_its_size);
  tcase_add_test(tcase, text_is_cut);
  tcase_add_test(tcase, text_without_room);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_status_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

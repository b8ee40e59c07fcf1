/* The command's words: options, failures, help. SPDX-License-Identifier:
 * Apache-2.0 */
#include "config.h"

#include <check.h>
#include <gattn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/options.h"
#include "tests/command.h"

/* ------------------------------------------------------------ options */

typedef struct values {
  const char *text;
  int64_t size;
  double real;
  bool flag;
} values;

/* Parses words, of which the last is null, with standard error captured. */
static int parse(values *v, const char *const *words) {
  cli_option options[] = {
      CLI_OPTION("--text", CLI_TEXT, &v->text, .required = true),
      CLI_OPTION("-n", CLI_SIZE, &v->size, .minimum = 2, .maximum = 1 << 20),
      CLI_OPTION("--real", CLI_REAL, &v->real),
      CLI_OPTION("--flag", CLI_FLAG, &v->flag),
  };
  int argc = 0;
  while (words[argc]) argc++;
  memset(v, 0, sizeof *v);
  fflush(stderr);
  FILE *captured = freopen("stderr", "w+", stderr);
  ck_assert_ptr_nonnull(captured);
  int status = cli_parse_options("where", options, 4, argc, (char **)words);
  fflush(stderr);
  size_t length;
  char *line = command_read("stderr", &length);
  snprintf(command_err, sizeof command_err, "%s", line);
  free(line);
  return status;
}

#define PARSE(v, ...) parse(v, (const char *const[]){__VA_ARGS__, NULL})

START_TEST(options_in_every_spelling) {
  values v;
  ck_assert_int_eq(
      PARSE(&v, "--text", "a", "-n", "3k", "--real=-1e-3", "--flag"),
      CLI_SUCCESS);
  ck_assert_str_eq(v.text, "a");
  ck_assert_int_eq(v.size, 3072);
  ck_assert_double_eq(v.real, -1e-3);
  ck_assert(v.flag);
  ck_assert_str_eq(command_err, "");
  ck_assert_int_eq(PARSE(&v, "--text=--flag", "-n4"), CLI_SUCCESS);
  ck_assert_str_eq(v.text, "--flag");
  ck_assert_int_eq(v.size, 4);
  ck_assert(!v.flag);
  ck_assert_int_eq(PARSE(&v, "--text=a=b", "-n=1m", "--real", "-2"),
                   CLI_SUCCESS);
  ck_assert_str_eq(v.text, "a=b");
  ck_assert_int_eq(v.size, 1 << 20);
  ck_assert_double_eq(v.real, -2);
}
END_TEST

START_TEST(help_is_asked_for_anywhere) {
  values v;
  ck_assert_int_eq(PARSE(&v, "--help"), CLI_HELP);
  ck_assert_int_eq(PARSE(&v, "--flag", "-h"), CLI_HELP);
  ck_assert_str_eq(command_err, "");
}
END_TEST

static const struct {
  const char *words[4];
  const char *line;
} bad_options[] = {
    {{"--text"}, "--text: needs a value"},
    {{"--text", "--flag"}, "--text: needs a value"},
    {{"--text", "-n"}, "--text: needs a value"},
    {{"--text="}, "--text: is empty"},
    {{"--flag=1"}, "--flag: takes no value, not '1'"},
    {{"--flag", "--flag"}, "--flag: given twice"},
    {{"--text=a", "--text=b"}, "--text: given twice"},
    {{"--txt=a"}, "--txt: no such option; the closest is --text"},
    {{"--rael"}, "--rael: no such option; the closest is --real"},
    {{"--n=4"}, "--n: no such option; the closest is -n"},
    {{"-x"}, "-x: no such option; the closest is -n"},
    {{"--hlp"}, "--hlp: no such option; the closest is --help"},
    {{"a\nb"}, "'a\\nb': takes options only, no operands"},
    {{"--"}, "'--': takes options only, no operands"},
    {{"-"}, "'-': takes options only, no operands"},
    {{"-n", "1"}, "-n: 1 is below 2"},
    {{"-n", "2m"}, "-n: 2m is above 1048576"},
    {{"-n", "-4"}, "-n: '-4' is no size"},
    {{"-n", "4x"}, "-n: '4x' is no size"},
    {{"-n", "4kk"}, "-n: '4kk' is no size"},
    {{"-n", " "}, "-n: ' ' is no size"},
    {{"-n="}, "-n: '' is no size"},
    {{"-n", "9000000t"}, "-n: 9000000t does not fit 63 bits"},
    {{"--real", "x"}, "--real: 'x' is no number"},
    {{"--real", "1x"}, "--real: '1x' is no number"},
    {{"--real", " 1"}, "--real: ' 1' is no number"},
    {{"--real="}, "--real: '' is no number"},
    {{"--real", "nan"}, "--real: nan is not finite"},
    {{"--real", "1e999"}, "--real: 1e999 is not finite"},
    {{"--flag"}, "missing --text"},
};

START_TEST(bad_options_are_named) {
  values v;
  char line[256];
  ck_assert_int_eq(parse(&v, bad_options[_i].words), CLI_BAD_REQUEST);
  int length =
      snprintf(line, sizeof line, "gattn: where: %s", bad_options[_i].line);
  ck_assert_msg(!strncmp(command_err, line, (size_t)length), "%s%s",
                command_err, line);
  ck_assert_ptr_eq(strchr(command_err, '\n'),
                   command_err + strlen(command_err) - 1);
}
END_TEST

START_TEST(the_closest_name) {
  const char *names[] = {"local", "causal", "blocks"};
  ck_assert_uint_eq(cli_closest("block", names, 3), 2);
  ck_assert_uint_eq(cli_closest("casual", names, 3), 1);
  ck_assert_uint_eq(cli_closest("", names, 3), 0);
  char longest[4096];
  memset(longest, 'b', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  ck_assert_uint_lt(cli_closest(longest, names, 3), 3);
}
END_TEST

/* ------------------------------------------------------------ failures */

static const struct {
  const char *text, *escaped;
} escapes[] = {
    {"plain", "plain"},
    {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
    {"\x1b[31m", "\\x1b[31m"},
    {"\x7f", "\\x7f"},
    {"n\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x80",
     "n\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x80"},
    {"\xff", "\\xff"},                            /* no UTF-8 */
    {"\xc0\xaf", "\\xc0\\xaf"},                   /* longer than need be */
    {"\xe2\x82", "\\xe2\\x82"},                   /* cut short */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
    {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"}, /* past the last character */
    {"\xc2\x85", "\\xc2\\x85"},                   /* next line */
    {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},          /* line separator */
    {"\xe2\x80\xae", "\\xe2\\x80\\xae"},          /* right to left */
};

START_TEST(text_on_one_line) {
  char out[64];
  ck_assert_uint_eq(cli_escape(escapes[_i].text, out, sizeof out),
                    strlen(escapes[_i].escaped));
  ck_assert_str_eq(out, escapes[_i].escaped);
}
END_TEST

START_TEST(long_text_is_cut) {
  char out[12];
  ck_assert_uint_eq(cli_escape("0123456789", out, sizeof out), 10 + 1 - 0);
  ck_assert_str_eq(out, "01234567...");
  ck_assert_uint_eq(cli_escape("01234567", out, sizeof out), 8);
  ck_assert_str_eq(out, "01234567");
  cli_escape("0123456\n89", out, sizeof out);
  ck_assert_str_eq(out, "0123456...");
}
END_TEST

START_TEST(what_statuses_mean) {
  ck_assert_int_eq(cli_exit_status(GATTN_SUCCESS), CLI_SUCCESS);
  ck_assert_int_eq(cli_exit_status(GATTN_NOTE_TRUNCATED), CLI_SUCCESS);
  ck_assert_int_eq(cli_exit_status(GATTN_ERROR_SYNTAX), CLI_BAD_REQUEST);
  ck_assert_int_eq(cli_exit_status(GATTN_ERROR_FILE), CLI_BAD_REQUEST);
  ck_assert_int_eq(cli_exit_status(GATTN_ERROR_TOO_LARGE), CLI_BAD_REQUEST);
  ck_assert_int_eq(cli_exit_status(GATTN_ERROR_MEMORY), CLI_FAILURE);
  ck_assert_int_eq(cli_exit_status(GATTN_ERROR_DEVICE), CLI_FAILURE);
  ck_assert_int_eq(cli_exit_status(GATTN_ERROR_NO_SPACE), CLI_FAILURE);
}
END_TEST

/* ------------------------------------------------------------ commands */

START_TEST(no_command) {
  command_run(NULL, (const char *const[]){NULL});
  command_assert_failure(2, "usage", "gattn help");
  GATTN("rum");
  command_assert_failure(2, "usage",
                         "rum: no such command; the closest is run");
  GATTN("");
  command_assert_failure(2, "usage", "no such command");
  GATTN("a\nb\x1b");
  command_assert_failure(2, "usage", "a\\nb\\x1b");
}
END_TEST

START_TEST(version) {
  GATTN("--version");
  command_assert_success();
  ck_assert_str_eq(command_out, "gattn " GATTN_VERSION_STRING "\n");
  GATTN("--version", "x");
  command_assert_failure(2, "--version", "x");
}
END_TEST

START_TEST(help) {
  static const char *const commands[] = {"run", "mask", "bench", "info",
                                         "help"};
  GATTN("help");
  command_assert_success();
  for (int c = 0; c < 5; c++)
    ck_assert_ptr_nonnull(strstr(command_out, commands[c]));
  char *listed = strdup(command_out);
  GATTN("--help");
  command_assert_success();
  ck_assert_str_eq(command_out, listed);
  for (int c = 0; c < 5; c++) {
    char usage[64];
    snprintf(usage, sizeof usage, "usage: gattn %s", commands[c]);
    GATTN("help", commands[c]);
    command_assert_success();
    ck_assert_ptr_eq(strstr(command_out, usage), command_out);
    free(listed);
    listed = strdup(command_out);
    GATTN(commands[c], "--help");
    command_assert_success();
    ck_assert_str_eq(command_out, listed);
  }
  free(listed);
  GATTN("help", "maks");
  command_assert_failure(2, "help", "the closest is mask");
  GATTN("help", "run", "mask");
  command_assert_failure(2, "help", "mask");
}
END_TEST

START_TEST(help_lists_every_mask) {
  GATTN("help", "masks");
  command_assert_success();
  const gattn_mask_info *mask;
  for (int64_t r = 0; (mask = gattn_mask_table(r)); r++) {
    char name[64];
    snprintf(name, sizeof name, "%s(", mask->name);
    ck_assert_msg(strstr(command_out, name) != NULL, "%s", name);
  }
}
END_TEST

START_TEST(info) {
  static const char *const keys[] = {"version: " GATTN_VERSION_STRING "\n",
                                     "compiler: ",
                                     "openmp: ",
                                     "libpng: ",
                                     "\ncuda: ",
                                     "instruction sets: portable",
                                     "instruction set in use: ",
                                     "threads: ",
                                     "devices:\n  cpu: ",
                                     "\n  cuda:"};
  GATTN("info");
  command_assert_success();
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
    ck_assert_msg(strstr(command_out, keys[k]) != NULL, "%s", keys[k]);
  GATTN("info", "x");
  command_assert_failure(2, "info", "'x'");
  GATTN("info", "--x");
  command_assert_failure(2, "info", "--x: no such option");
}
END_TEST

START_TEST(standard_output_that_takes_nothing) {
  GATTN_IN(&(command_setting){.out = "/dev/full"}, "--version");
  command_assert_failure(1, "output", "standard output: ");
  GATTN_IN(&(command_setting){.out = "/dev/full"}, "help", "masks");
  command_assert_failure(1, "output", "standard output: ");
  GATTN_IN(&(command_setting){.closed = true}, "info");
  command_assert_failure(1, "output", "standard output: ");
}
END_TEST

static Suite *make_cli_suite(void) {
  Suite *suite = suite_create("cli");
  TCase *tcase = tcase_create("options");
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_test(tcase, options_in_every_spelling);
  tcase_add_test(tcase, help_is_asked_for_anywhere);
  tcase_add_loop_test(tcase, bad_options_are_named, 0,
                      sizeof bad_options / sizeof *bad_options);
  tcase_add_test(tcase, the_closest_name);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("failures");
  tcase_add_loop_test(tcase, text_on_one_line, 0,
                      sizeof escapes / sizeof *escapes);
  tcase_add_test(tcase, long_text_is_cut);
  tcase_add_test(tcase, what_statuses_mean);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("commands");
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_test(tcase, no_command);
  tcase_add_test(tcase, version);
  tcase_add_test(tcase, help);
  tcase_add_test(tcase, help_lists_every_mask);
  tcase_add_test(tcase, info);
  tcase_add_test(tcase, standard_output_that_takes_nothing);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_cli_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

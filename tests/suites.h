/* Suites that run on either backend. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_SUITES_H
#define GATTN_TESTS_SUITES_H

#include "tests/backend.h"

Suite *make_attend_suite(void);
Suite *make_attend_scores_suite(void);
Suite *make_attend_extremes_suite(void);
Suite *make_attend_shapes_suite(void);
Suite *make_cli_answers_suite(void);
Suite *make_attention_args_suite(void);
Suite *make_device_plan_suite(void);
Suite *make_operators_suite(void);
Suite *make_selection_suite(void);
Suite *make_measure_suite(void);
Suite *make_merge_suite(void);
Suite *make_skewed_suite(void);
Suite *make_operators_brutal_suite(void);
Suite *make_frontier_tensors_suite(void);
Suite *make_csr_tensors_suite(void);
Suite *make_program_suite(void);
Suite *make_plan_suite(void);
Suite *make_wisdom_suite(void);
Suite *make_plan_refusals_suite(void);
Suite *make_broken_generators_suite(void);
Suite *make_list_edges_suite(void);

#endif

/* Choices: their names, and changing them. SPDX-License-Identifier: Apache-2.0
 */
#include "config.h"

#include "plan/choice.h"

#include <string.h>

#include "lib/text.h"

const char *gattn_way_name(gattn_way way) {
  static const char *const names[GATTN_WAYS] = {
      "any", "band", "renumbered", "joined", "list", "split", "edges", "hubs"};
  return way >= GATTN_WAY_ANY && way < GATTN_WAYS ? names[way] : "unknown";
}

gattn_way gattn_choice_way(const gattn_choice *choice, int64_t n, int64_t t) {
  return choice->n_terms == n && t < n ? (gattn_way)choice->way[t]
                                       : GATTN_WAY_ANY;
}

bool gattn_choice_equal(const gattn_choice *a, const gattn_choice *b) {
  return a->n_terms == b->n_terms && a->lanes == b->lanes &&
         a->pieces == b->pieces &&
         !memcmp(a->way, b->way, (size_t)a->n_terms * sizeof *a->way);
}

static void append_number(gattn_text *text, const char *name, int32_t number) {
  if (number)
    gattn_text_append(text, " %s %d", name, (int)number);
  else
    gattn_text_append(text, " %s any", name);
}

const char *gattn_choice_text(const gattn_choice *choice,
                              char buffer[GATTN_CHOICE_TEXT]) {
  gattn_text text = gattn_text_start(buffer, GATTN_CHOICE_TEXT);
  for (int t = 0; t < choice->n_terms; t++)
    gattn_text_append(&text, "%s%s", t ? "," : "",
                      gattn_way_name((gattn_way)choice->way[t]));
  if (choice->n_terms == 0) gattn_text_append(&text, "any");
  append_number(&text, "lanes", choice->lanes);
  append_number(&text, "pieces", choice->pieces);
  return buffer;
}

gattn_choice gattn_choice_moved(const gattn_choice *choice,
                                const gattn_move *move) {
  gattn_choice moved = *choice;
  if (move->term >= 0 && move->term < moved.n_terms)
    moved.way[move->term] = (int8_t)move->way;
  if (move->lanes) moved.lanes = move->lanes;
  if (move->pieces) moved.pieces = move->pieces;
  return moved;
}

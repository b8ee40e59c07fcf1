/* Random mask expressions over a grid. SPDX-License-Identifier: Apache-2.0 */
#include "tests/random_mask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/oracle.h"

typedef struct draft {
  uint64_t *state;
  int64_t h, w;
  char *text;
  size_t size, length;
} draft;

/* One in [least, most]. */
static long long draw(draft *d, int64_t least, int64_t most) {
  uint64_t span = (uint64_t)(most - least + 1);
  return (long long)(least + (int64_t)(oracle_random(d->state) % span));
}

__attribute__((format(printf, 2, 3))) static void put(draft *d,
                                                      const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  d->length += (size_t)vsnprintf(d->text + d->length, d->size - d->length,
                                 format, arguments);
  va_end(arguments);
}

/* Parameters small more often than large. */
static long long extent(draft *d, int64_t most) {
  return draw(d, 0, draw(d, 0, 2) ? 6 : most);
}

static void put_set(draft *d, const char *name, int64_t n) {
  long long begin = draw(d, 0, n - 1), alone = draw(d, 0, n - 1);
  put(d, "%s(%lld:%lld, %lld)", name, begin,
      draw(d, begin + 1, begin + 9 < n ? begin + 9 : n), alone);
}

static void put_window(draft *d) {
  long long kh = 1 + 2 * draw(d, 0, (d->h - 1) / 2 < 4 ? (d->h - 1) / 2 : 4);
  long long kw = 1 + 2 * draw(d, 0, (d->w - 1) / 2 < 4 ? (d->w - 1) / 2 : 4);
  put(d, "neighborhood2d(%lld, %lld, %lld, %lld)", (long long)d->h,
      (long long)d->w, kh, kw);
}

static void put_documents(draft *d, int64_t n) {
  long long first = draw(d, 1, n / 2), second = draw(d, n / 2 + 1, n - 1);
  put(d, "documents(0, %lld, %lld)", first, second);
}

static void put_leaf(draft *d) {
  const int64_t n = d->h * d->w;
  const char *const sets[] = {"rows", "cols", "global"};
  long long a = extent(d, n), b = extent(d, n), r = draw(d, 1, 12);
  long long size = draw(d, 1, n);
  switch (draw(d, 0, 19)) {
    case 0: put(d, "full"); return;
    case 1: put(d, "causal"); return;
    case 2: put(d, "local(%lld)", a); return;
    case 3: put(d, "local(%lld, %lld)", a, b); return;
    case 4: put(d, "dilated(%lld, %lld)", a, r); return;
    case 5: put(d, "dilated2d(%lld, %lld)", size, r); return;
    case 6: put(d, "strided(%lld)", r + 1); return;
    case 7: put(d, "fixed(%lld, %lld)", size, draw(d, 0, size)); return;
    case 8: put(d, "blocks(%lld)", size); return;
    case 9: put(d, "blocklocal(%lld, %lld)", r, a); return;
    case 10:
    case 11: put_set(d, sets[draw(d, 0, 2)], n); return;
    case 12: put(d, "random(%lld, %lld)", 1 + a, r); return;
    case 13:
      put(d, "randomblocks(%lld, %lld, %lld)", 1 + draw(d, 0, 39), r, 1 + b);
      return;
    case 14: put_documents(d, n); return;
    case 15: put(d, "prefix(%lld)", a); return;
    case 16: put_window(d); return;
    case 17:
      put(d, "blocks2d(%lld, %lld, %lld, %lld)", (long long)d->h,
          (long long)d->w, draw(d, 1, d->h), draw(d, 1, d->w));
      return;
    case 18: put(d, "longformer(%lld, %lld)", a, draw(d, 1, 4)); return;
    default: put(d, "streaming(%lld, %lld)", draw(d, 1, 5), b);
  }
}

static void put_term(draft *d) {
  const bool enclosed = draw(d, 0, 3) == 0;
  if (enclosed) put(d, "(");
  put_leaf(d);
  if (enclosed) put(d, draw(d, 0, 1) ? " | " : " - "), put_leaf(d), put(d, ")");
  if (draw(d, 0, 2) == 0) put(d, " & "), put_leaf(d);
}

void random_mask(uint64_t *state, int64_t h, int64_t w, char *text,
                 size_t size) {
  draft d = {.state = state, .h = h, .w = w, .text = text, .size = size};
  put_term(&d);
  for (long long terms = draw(&d, 0, 2); terms; terms--) {
    put(&d, draw(&d, 0, 2) ? " | " : " - ");
    put_term(&d);
  }
}

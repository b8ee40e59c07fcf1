/* Counting keys by their residues. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/formula.h"

/* Tails that others imply: of two with one modulus, the wider. */
static uint32_t drop_implied(const gattn_atoms *atoms, uint32_t tails) {
  uint32_t needed = tails;
  for (int a = 0; a < atoms->n_tails; ++a)
    for (int b = 0; b < atoms->n_tails; ++b)
      if ((tails >> a & 1) && (tails >> b & 1) &&
          atoms->tails[a].modulus == atoms->tails[b].modulus &&
          atoms->tails[a].width < atoms->tails[b].width)
        needed &= ~(1u << b);
  return needed;
}

/* All tails that hold where those of a set do. */
static uint32_t add_implied(const gattn_atoms *atoms, uint32_t tails) {
  uint32_t all = tails;
  for (int a = 0; a < atoms->n_tails; ++a)
    for (int b = 0; b < atoms->n_tails; ++b)
      if ((tails >> a & 1) &&
          atoms->tails[a].modulus == atoms->tails[b].modulus &&
          atoms->tails[a].width <= atoms->tails[b].width)
        all |= 1u << b;
  return all;
}

static int64_t gcd(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t c = a % b;
    a = b;
    b = c;
  }
  return a;
}

int64_t gattn_stride_gcd(int64_t stride, int64_t m) {
  return stride == GATTN_ONE_RESIDUE ? m : gcd(stride, m);
}

/* The least common multiple, or GATTN_ONE_RESIDUE at or above `most`. */
static int64_t lcm(int64_t a, int64_t b, int64_t most) {
  if (a == GATTN_ONE_RESIDUE || b == GATTN_ONE_RESIDUE)
    return GATTN_ONE_RESIDUE;
  gattn_wide product = (gattn_wide)(a / gcd(a, b)) * (gattn_wide)b;
  return product >= (gattn_wide)most ? GATTN_ONE_RESIDUE : (int64_t)product;
}

static bool collect_tails(gattn_atoms *atoms) {
  atoms->n_tails = 0;
  for (int a = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    if (atom->kind != GATTN_ATOM_TAIL) continue;
    if (atoms->n_tails == GATTN_ATOMS_TAILS) return false;
    atoms->tails[atoms->n_tails++] = (gattn_tail){atom->modulus, atom->width};
  }
  return true;
}

/* The least common multiples of all sets of strides, ascending. */
static int collect_strides(const gattn_atoms *atoms,
                           int64_t strides[GATTN_ATOMS_CLASSES]) {
  int64_t most = atoms->n_q > atoms->n_kv ? atoms->n_q : atoms->n_kv;
  int n = 1;
  strides[0] = 1;
  for (int a = 0; a < atoms->n_atoms; ++a) {
    if (atoms->atom[a].kind != GATTN_ATOM_STRIDE) continue;
    for (int k = 0, old = n; k < old; ++k) {
      int64_t stride = lcm(strides[k], atoms->atom[a].modulus, most);
      int at = 0;
      while (at < n && strides[at] != stride) ++at;
      if (at < n) continue;
      if (n == GATTN_ATOMS_CLASSES) return 0;
      strides[n++] = stride;
    }
  }
  for (int k = 1; k < n; ++k) {
    int64_t stride = strides[k];
    int at = k;
    for (; at > 0 && strides[at - 1] > stride; --at)
      strides[at] = strides[at - 1];
    strides[at] = stride;
  }
  return n;
}

static bool divides(int64_t stride, int64_t multiple) {
  return multiple == GATTN_ONE_RESIDUE || multiple % stride == 0;
}

/* Residues that gattn_class_below tries one by one: those of all tails but
 * the widest. 0 when there are too many. */
static int64_t expansion(const gattn_atoms *atoms, uint32_t needed) {
  int64_t product = 1, widest = 1;
  for (int t = 0; t < atoms->n_tails; ++t) {
    if (!(needed >> t & 1)) continue;
    int64_t width = atoms->tails[t].width;
    if (width > widest) {
      int64_t narrower = widest;
      widest = width;
      width = narrower;
    }
    if (width > GATTN_ATOMS_EXPANSION / product) return 0;
    product *= width;
  }
  return product;
}

/* A key of row i fulfils some of the residue atoms; which sets of them can
 * hold together? A set of strides holds exactly where their least common
 * multiple does, and then so do all strides that divide it; a tail implies the
 * wider ones of its modulus. So the possible sets are the pairs of a least
 * common multiple and an implied-closed set of tails: a class each, and a bit
 * ("lane") of the words on which the formula is evaluated. */
bool gattn_classes_build(gattn_atoms *atoms) {
  int64_t strides[GATTN_ATOMS_CLASSES];
  int n_strides = collect_strides(atoms, strides);
  if (n_strides == 0 || !collect_tails(atoms)) return false;
  atoms->n_classes = 0;
  for (int k = 0; k < n_strides; ++k)
    for (uint32_t tails = 0; tails < 1u << atoms->n_tails; ++tails) {
      if (add_implied(atoms, tails) != tails) continue;
      if (atoms->n_classes == GATTN_ATOMS_CLASSES) return false;
      gattn_residue_class *class_ = &atoms->classes[atoms->n_classes++];
      *class_ = (gattn_residue_class){
          strides[k], tails, drop_implied(atoms, tails), 0, 0};
      class_->residues = expansion(atoms, class_->needed);
      if (class_->residues == 0) return false;
    }
  for (int q = 0; q < atoms->n_classes; ++q)
    for (int p = 0; p < q; ++p)
      if (divides(atoms->classes[p].stride, atoms->classes[q].stride) &&
          (atoms->classes[p].tails & ~atoms->classes[q].tails) == 0)
        atoms->classes[q].above |= (uint64_t)1 << p;
  for (int a = 0, tail = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    atoms->lanes[a] = 0;
    for (int q = 0; q < atoms->n_classes; ++q) {
      const gattn_residue_class *class_ = &atoms->classes[q];
      if (atom->kind == GATTN_ATOM_STRIDE
              ? divides(atom->modulus, class_->stride)
              : atom->kind == GATTN_ATOM_TAIL && (class_->tails >> tail & 1))
        atoms->lanes[a] |= (uint64_t)1 << q;
    }
    if (atom->kind == GATTN_ATOM_TAIL) ++tail;
  }
  return true;
}

/* Σ floor((a·t + b) / m) over t in [0, n), by Euclid's algorithm, modulo
 * 2^128. */
static gattn_wide floor_sum(gattn_wide n, gattn_wide m, gattn_wide a,
                            gattn_wide b) {
  gattn_wide sum = 0;
  while (n > 0) {
    sum += n * (n - 1) / 2 * (a / m) + n * (b / m);
    a %= m;
    b %= m;
    gattn_wide top = a * n + b;
    if (top < m) break;
    n = top / m;
    b = top % m;
    gattn_wide old = m;
    m = a;
    a = old;
  }
  return sum;
}

/* How many keys below x are ≡ residue modulo stride and in the tail. */
static int64_t tail_below(int64_t residue, int64_t stride, gattn_tail tail,
                          int64_t x) {
  int64_t s = tail.modulus, c = tail.width;
  if (stride == 1) {
    int64_t rest = x % s - (s - c);
    return x / s * c + (rest > 0 ? rest : 0);
  }
  gattn_wide n = (gattn_wide)gattn_class_keys(x, residue, stride);
  gattn_wide m = (gattn_wide)s, step = (gattn_wide)stride;
  gattn_wide first = (gattn_wide)residue;
  return (int64_t)(floor_sum(n, m, step, first + (gattn_wide)c) -
                   floor_sum(n, m, step, first));
}

/* The inverse of a modulo m, coprime. */
static int64_t inverse(int64_t a, int64_t m) {
  int64_t r = m, next_r = a % m, t = 0, next_t = 1;
  while (next_r != 0) {
    int64_t quotient = r / next_r, old = next_r;
    next_r = r - quotient * next_r;
    r = old;
    old = next_t;
    next_t = t - quotient * next_t;
    t = old;
  }
  return t < 0 ? t + m : t;
}

/* The keys ≡ residue mod stride and ≡ other mod m, as one residue of one
 * modulus; false when there are none below GATTN_ONE_RESIDUE. */
static bool meet(int64_t *residue, int64_t *stride, int64_t other, int64_t m) {
  int64_t g = gcd(*stride, m), part = m / g;
  int64_t difference = other - *residue % m;
  if (difference % g != 0) return false;
  difference /= g;
  if (difference < 0) difference += part;
  gattn_wide t = part == 1 ? 0
                           : (gattn_wide)(difference % part) *
                                 (gattn_wide)inverse(*stride / g % part, part) %
                                 (gattn_wide)part;
  gattn_wide met = (gattn_wide)*residue + (gattn_wide)*stride * t;
  if (met >= (gattn_wide)GATTN_ONE_RESIDUE) return false;
  *residue = (int64_t)met;
  *stride = lcm(*stride, m, GATTN_ONE_RESIDUE);
  return true;
}

static int narrowest(const gattn_atoms *atoms, uint32_t tails) {
  int best = -1;
  for (int t = 0; t < atoms->n_tails; ++t)
    if ((tails >> t & 1) &&
        (best < 0 || atoms->tails[t].width < atoms->tails[best].width))
      best = t;
  return best;
}

static int64_t tails_below(const gattn_atoms *atoms, int64_t residue,
                           int64_t stride, uint32_t tails, int64_t x) {
  if (tails == 0) return gattn_class_keys(x, residue, stride);
  int t = narrowest(atoms, tails);
  gattn_tail tail = atoms->tails[t];
  uint32_t rest = tails & ~(1u << t);
  if (rest == 0) return tail_below(residue, stride, tail, x);
  int64_t count = 0;
  for (int64_t r = tail.modulus - tail.width; r < tail.modulus; ++r) {
    int64_t met = residue, common = stride;
    if (meet(&met, &common, r, tail.modulus))
      count += tails_below(atoms, met, common, rest, x);
  }
  return count;
}

int64_t gattn_class_below(const gattn_atoms *atoms,
                          const gattn_residue_class *class_, int64_t i,
                          int64_t x) {
  return tails_below(atoms, i % class_->stride, class_->stride,
                     class_->needed, x);
}

/*
 * Every result is summed in an order that depends on nothing but positions: queries that are computed together, pieces of a prompt and
 * threads change no bit.
 */
#include "attention.h"

#ifdef __AVX512VNNI__
enum { HAS_BYTE_PRODUCTS = 1 };
#else
enum { HAS_BYTE_PRODUCTS = 0 };
#endif

enum { BLOCK = 64, COLUMNS = BLOCK / LANES, TILE = 4, ROWS = 64 };
_Static_assert((int)ROWS >= (int)MAX_GROUP, "a token's queries of one key head are one task at least");

/* -- appending ------------------------------------------------------------------------------------------------------------------ */

static void rotate(float *restrict to, const float *restrict from, const Attention *a, size_t position, float factor) {
  size_t half = a->cos ? a->rotary_half : 0;
  const float *cos = a->cos + position * half, *sin = a->sin + position * half;
  for (size_t i = 0; i < half; i++) {
    float first = from[i], second = from[i + half];
    to[i] = (first * cos[i] - second * sin[i]) * factor;
    to[i + half] = (second * cos[i] + first * sin[i]) * factor;
  }
  for (size_t i = 2 * half; i < a->head_dim; i++) to[i] = from[i] * factor;
}

/* Tokens of a row before the new ones. */
static inline size_t past_of(const Attention *a, size_t batch) { return (size_t)a->seqlens[batch] + 1 - new_tokens(a, batch); }

void CONCAT(append_, VARIANT)(const Attention *a, size_t batch, size_t kv_head) {
  size_t count = new_tokens(a, batch), dim = a->head_dim, group = a->heads / a->kv_heads;
  size_t past = past_of(a, batch);
  size_t head = batch * a->kv_heads + kv_head;
  float rotated[MAX_HEAD_DIM];
  for (size_t i = 0; i < count; i++) {
    size_t token = (size_t)a->starts[batch] + i, place = head * a->capacity + past + i;
    const float *k = a->k + token * a->kv_stride + kv_head * dim, *v = a->v + token * a->kv_stride + kv_head * dim;
    if (a->key_scales) {
      rotate(rotated, k, a, past + i, 1);
      a->key_scales[place] = to_bytes((uint8_t *)a->keys + place * dim, rotated, dim, 0);
      a->value_scales[place] = to_bytes((uint8_t *)a->values + place * dim, v, dim, 0);
    } else {
      rotate((float *)a->keys + place * dim, k, a, past + i, 1);
      memcpy((float *)a->values + place * dim, v, dim * sizeof(float));
    }
    for (size_t j = kv_head * group; j < (kv_head + 1) * group; j++)
      rotate(a->out + (token * a->heads + j) * dim, a->q + token * a->q_stride + j * dim, a, past + i, a->scale);
  }
}

/* -- reading ahead -------------------------------------------------------------------------------------------------------------- */

/*
 * The keys and values of the next block, which are asked for a few lines at a time between other work: all at once they would wait for
 * each other. A head's tokens are far from where the last ones were, and nobody else foresees it.
 */
typedef struct {
  const char *keys, *values;
  /* Of each, those that were asked for, and how many at a time. */
  size_t bytes, asked, step;
} Ahead;

static inline void ask(Ahead *ahead) {
  size_t end = ahead->asked + ahead->step;
  if (ahead->asked >= ahead->bytes) return;
  for (; ahead->asked < end; ahead->asked += LINE) {
    __builtin_prefetch(ahead->keys + ahead->asked, 0, NEAR);
    __builtin_prefetch(ahead->values + ahead->asked, 0, NEAR);
  }
}

/* -- attending ------------------------------------------------------------------------------------------------------------------ */

/* Keys [count, dim] as a panel [dim][BLOCK]; what is missing of the block is zero. */
static inline __attribute__((always_inline)) void key_panel(
    Vector panel[][COLUMNS], const void *keys, size_t count, size_t dim, int bytes) {
  for (size_t column = 0; column < COLUMNS; column++)
    for (size_t d = 0; d < dim; d += LANES) {
      Vector rows[LANES];
      UNROLL for (size_t i = 0; i < LANES; i++) {
        size_t key = column * LANES + i, at = key * dim + d;
        if (key >= count) rows[i] = (Vector){};
        else rows[i] = bytes ? load_bytes((const int8_t *)keys + at) : load((const float *)keys + at);
      }
      transpose(rows);
      UNROLL for (size_t i = 0; i < LANES; i++) panel[d + i][column] = rows[i];
    }
}

/* The state of queries: their largest scores so far, the sums of their weights, and the weighted sums of values. */
typedef struct {
  /* What a block's keys are scored by; where weights are in 8 bits, what its values are added by afterwards. */
  Vector panel[MAX_HEAD_DIM][COLUMNS];
  Vector scores[ROWS][COLUMNS];
  float sums[ROWS * MAX_HEAD_DIM];
  float most[ROWS], weight[ROWS];
  /* Where keys and values are in 8 bits, queries are as well, and weights in those of a block; both as floats, too. */
  uint8_t queries[ROWS][MAX_HEAD_DIM], weights[ROWS][BLOCK];
  float query_scales[ROWS], weight_scales[ROWS], key_scales[BLOCK], value_scales[BLOCK];
  float rounded[ROWS][MAX_HEAD_DIM], values[BLOCK * MAX_HEAD_DIM];
} Scratch;

/* A block of a head's keys and values [count, dim]. */
typedef struct {
  const void *keys, *values;
  size_t count, dim;
  Ahead ahead;
} Block;

/* Rows whose sums fit into registers, for each of which `call` has code of its own. */
#define EACH_TILE(rows, call)                              \
  for (size_t row = 0; row < (rows); row += TILE) switch ((rows) - row) { \
    case 1: call(1); break;                                \
    case 2: call(2); break;                                \
    case 3: call(3); break;                                \
    default: call(TILE);                                   \
  }

/* Scores [rows][BLOCK] of queries against a panel. */
static inline __attribute__((always_inline)) void score(
    Vector scores[][COLUMNS], const float *const *queries, const Vector panel[][COLUMNS], Block *block, int rows) {
  for (int first = 0; first < COLUMNS; first += WIDE) {
    Vector sums[TILE][WIDE] = {};
    for (size_t d = 0; d < block->dim; d++) {
      ask(&block->ahead);
      UNROLL for (int row = 0; row < rows; row++)
        UNROLL for (int i = 0; i < WIDE; i++) sums[row][i] += queries[row][d] * panel[d][first + i];
    }
    UNROLL for (int row = 0; row < rows; row++)
      UNROLL for (int i = 0; i < WIDE; i++) scores[row][first + i] = sums[row][i];
  }
}

/*
 * Adds `width` vectors of each value of a block, as often as its weight says, to sums [rows][dim]; at once, or where weights are whole numbers with
 * scales, the sums of a block.
 */
static inline __attribute__((always_inline)) void add_columns(
    float *sums, const float *weights, const float *scales, const float *values, Block *block, int width, int rows) {
  Vector total[TILE][WIDE];
  size_t dim = block->dim;
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < width; i++) total[row][i] = scales ? (Vector){} : load(sums + (size_t)row * dim + i * LANES);
  for (size_t key = 0; key < block->count; key++) {
    Vector value[WIDE];
    ask(&block->ahead);
    UNROLL for (int i = 0; i < width; i++) value[i] = load(values + key * dim + (size_t)i * LANES);
    UNROLL for (int row = 0; row < rows; row++)
      UNROLL for (int i = 0; i < width; i++) total[row][i] += weights[(size_t)row * BLOCK + key] * value[i];
  }
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < width; i++) {
      float *to = sums + (size_t)row * dim + i * LANES;
      store(to, scales ? load(to) + total[row][i] * scales[row] : total[row][i]);
    }
}

static inline __attribute__((always_inline)) void add_values(
    float *sums, const Vector weights[][COLUMNS], const float *scales, const float *values, Block *block, int rows) {
  const float *weight = (const float *)weights;
  size_t d = 0;
  for (; d + WIDE * LANES <= block->dim; d += WIDE * LANES) add_columns(sums + d, weight, scales, values + d, block, WIDE, rows);
  for (; d < block->dim; d += LANES) add_columns(sums + d, weight, scales, values + d, block, 1, rows);
}

/*
 * Queries in 8 bits: products with keys are whole numbers then, of which sums are below 2^24, so that floats hold them to the last one
 * and it does not matter what adds them up. Likewise with weights and values.
 */
static void round_query(Scratch *s, size_t row, const float *query, size_t dim) {
  s->query_scales[row] = to_bytes(s->queries[row], query, dim, 128);
  for (size_t i = 0; !HAS_BYTE_PRODUCTS && i < dim; i++) s->rounded[row][i] = (float)(s->queries[row][i] - 128);
}

/* Weights, with the scales of the values they belong to, in the 8 bits of what is never negative. */
static inline void round_weights(Scratch *s, size_t row) {
  Vector *weights = s->scores[row], most = {};
  for (int i = 0; i < COLUMNS; i++) most = larger(most, weights[i] *= load(s->value_scales + i * LANES));
  float largest = max_of(most), inverse = largest > 0 ? 255 / largest : 0;
  s->weight_scales[row] = largest / 255;
  for (int i = 0; i < COLUMNS; i++) {
    Vector sum = weights[i] * inverse + all(ROUNDER);
    store_bytes(s->weights[row] + i * LANES, (Ints)sum);
    weights[i] = sum - ROUNDER;
  }
}

/* Scales of a block's tokens, and zeros; asks for those of the next. */
static inline void take_scales(float *to, const float *from, size_t count) {
  for (size_t i = 0; i < BLOCK; i += LINE / sizeof(float)) __builtin_prefetch(from + BLOCK + i, 0, NEAR);
  if (count < BLOCK) memset(to, 0, BLOCK * sizeof(float));
  memcpy(to, from, count * sizeof(float));
}

static void to_floats(float *to, const int8_t *from, size_t count) {
  for (size_t i = 0; i < count; i += LANES) store(to + i, load_bytes(from + i));
}

#ifdef __AVX512VNNI__
#include "byte-attention.h"
#endif

static inline __attribute__((always_inline)) void score_all(
    Scratch *s, const float *const *queries, Block *block, size_t rows, int bytes) {
#ifdef __AVX512VNNI__
  if (bytes) {
    score_all_bytes(s, block, rows);
    return;
  }
#endif
  key_panel(s->panel, block->keys, block->count, block->dim, bytes);
#define SCORE(n) score(s->scores + row, queries + row, (const Vector(*)[COLUMNS])s->panel, block, n)
  EACH_TILE(rows, SCORE)
}

static inline __attribute__((always_inline)) void add_all(Scratch *s, Block *block, size_t rows, int bytes) {
#ifdef __AVX512VNNI__
  if (bytes) {
    add_all_bytes(s, block, rows);
    return;
  }
#endif
  if (bytes) to_floats(s->values, block->values, block->count * block->dim);
  const float *values = bytes ? s->values : block->values, *scales = bytes ? s->weight_scales : NULL;
#define ADD(n) \
  add_values(s->sums + row * block->dim, (const Vector(*)[COLUMNS])(s->scores + row), bytes ? scales + row : NULL, values, block, n)
  EACH_TILE(rows, ADD)
}

/* Apart, because the commoner case has no use for its memory. */
static __attribute__((noinline)) Vector capped(Vector scores, float most) {
  for (int i = 0; i < LANES; i++) scores[i] = most * tanhf(scores[i] / most);
  return scores;
}

/* Scores of one query and block, of which those that it does not see are -infinity. @returns the largest one or that of before */
static inline __attribute__((always_inline)) float bound_scores(
    Scratch *s, size_t row, const Attention *a, size_t begin, size_t end, int bytes) {
  Vector *scores = s->scores[row], places = PER_LANE(SELF), most = all(s->most[row]);
  float scale = s->query_scales[row];
  UNROLL for (int column = 0; column < COLUMNS; column++, places += LANES) {
    Vector some = scores[column];
    if (bytes) some *= load(s->key_scales + column * LANES) * scale;
    if (a->softcap > 0) some = capped(some, a->softcap);
    if (begin > 0 || end < BLOCK) some = choose((places >= all((float)begin)) & (places < all((float)end)), some, all(-INFINITY));
    scores[column] = some;
    most = larger(some, most);
  }
  return max_of(most);
}

/* Scores become weights, of which `now` has 1; what was summed before is made to fit a larger maximum. */
static inline __attribute__((always_inline)) void weigh(Scratch *s, size_t row, float now, size_t dim) {
  Vector *scores = s->scores[row], sum = {};
  float before = s->most[row];
  if (now == -INFINITY) {
    memset(scores, 0, BLOCK * sizeof(float));
    return;
  }
  if (now > before) {
    float factor = exponential(all(before - now))[0];
    s->most[row] = now;
    s->weight[row] *= factor;
    for (size_t d = 0; d < dim; d++) s->sums[row * dim + d] *= factor;
  }
  UNROLL for (int column = 0; column < COLUMNS; column++) sum += scores[column] = exponential(scores[column] - now);
  s->weight[row] += sum_of(sum);
}

/* Where the block begins that has the first key which the last token of a row sees. */
static inline size_t first_block(const Attention *a, size_t batch) {
  size_t end = (size_t)a->seqlens[batch] + 1;
  return a->window > 0 && end > a->window ? (end - a->window) / BLOCK * BLOCK : 0;
}

/* The place of the first key of what a thread probably does next (see attend_task in operators.c); any, where that is nothing. */
static inline size_t next_place(const Attention *a, size_t batch, size_t kv_head) {
  if (kv_head + 1 == a->kv_heads && batch > 0) batch--;
  return (batch * a->kv_heads + (kv_head + 1) % a->kv_heads) * a->capacity + first_block(a, batch);
}

/* Queries of the same key head, whose places are in `queries`: those of a token together, its own key the last that it sees. */
static inline __attribute__((always_inline)) void attend_to(
    const Attention *a, size_t batch, size_t kv_head, size_t first, size_t count, int bytes, size_t dim) {
  static _Thread_local Scratch scratch;
  Scratch *s = &scratch;
  size_t group = a->heads / a->kv_heads, past = past_of(a, batch);
  size_t head = batch * a->kv_heads + kv_head, element = bytes ? 1 : sizeof(float);
  float *queries[ROWS];
  const float *scored[ROWS];
  size_t begins[ROWS] = {0}, ends[ROWS] = {0};
  for (size_t row = 0; row < count; row++) {
    size_t token = (first + row) / group;
    queries[row] = a->out + (((size_t)a->starts[batch] + token) * a->heads + kv_head * group + (first + row) % group) * dim;
    scored[row] = bytes ? s->rounded[row] : queries[row];
    if (bytes) round_query(s, row, queries[row], dim);
    ends[row] = past + token + 1;
    begins[row] = a->window > 0 && ends[row] > a->window ? ends[row] - a->window : 0;
    s->most[row] = -INFINITY;
    s->weight[row] = 0;
  }
  memset(s->sums, 0, count * dim * sizeof(float));
  size_t last = ends[count - 1];
  for (size_t start = begins[0] / BLOCK * BLOCK; start < last; start += BLOCK) {
    size_t place = head * a->capacity + start, keys = last - start < BLOCK ? last - start : BLOCK;
    Block block = {.count = keys, .dim = dim};
    block.keys = (const char *)a->keys + place * dim * element;
    block.values = (const char *)a->values + place * dim * element;
    size_t soon = start + BLOCK < last ? place + BLOCK : next_place(a, batch, kv_head);
    block.ahead = (Ahead){.bytes = BLOCK * dim * element, .step = count > TILE ? LINE : 2 * LINE};
    block.ahead.keys = (const char *)a->keys + soon * dim * element;
    block.ahead.values = (const char *)a->values + soon * dim * element;
    if (bytes) {
      take_scales(s->key_scales, a->key_scales + place, keys);
      take_scales(s->value_scales, a->value_scales + place, keys);
    }
    score_all(s, scored, &block, count, bytes);
    float now[ROWS];
    for (size_t row = 0; row < count; row++) {
      size_t begin = begins[row] > start ? begins[row] - start : 0, end = ends[row] > start ? ends[row] - start : 0;
      now[row] = bound_scores(s, row, a, begin, end, bytes);
    }
    for (size_t row = 0; row < count; row++) weigh(s, row, now[row], dim);
    if (bytes) for (size_t row = 0; row < count; row++) round_weights(s, row);
    add_all(s, &block, count, bytes);
  }
  for (size_t row = 0; row < count; row++) {
    float factor = 1 / s->weight[row];
    for (size_t d = 0; d < dim; d++) queries[row][d] = s->sums[row * dim + d] * factor;
  }
}

void CONCAT(attend_, VARIANT)(const Attention *a, size_t batch, size_t kv_head, size_t first, size_t count) {
  /* The commonest length has code of its own. */
  enum { COMMON = 64 };
  if (a->head_dim == COMMON) {
    if (a->key_scales) attend_to(a, batch, kv_head, first, count, 1, COMMON);
    else attend_to(a, batch, kv_head, first, count, 0, COMMON);
  } else if (a->key_scales) attend_to(a, batch, kv_head, first, count, 1, a->head_dim);
  else attend_to(a, batch, kv_head, first, count, 0, a->head_dim);
}

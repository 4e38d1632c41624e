/*
 * Every result is summed in an order that depends on nothing but positions: queries that are computed together, pieces of a prompt and
 * threads change no bit.
 */
#include "kernels.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)

/* Floats of a register, and how many registers of sums a row has at a time. */
#ifdef __AVX512F__
enum { LANES = 16, WIDE = 4 };
#define PER_LANE(f) {f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)}
#else
enum { LANES = 8, WIDE = 2 };
#define PER_LANE(f) {f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)}
#endif

typedef float Vector __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));
typedef Vector Unaligned __attribute__((aligned(4), may_alias));

/* Sums stay in registers only where the loops over them are gone. */
#define UNROLL _Pragma("GCC unroll 16")

enum { BLOCK = 64, COLUMNS = BLOCK / LANES, TILE = 4, ROWS = 64 };
_Static_assert((int)ROWS >= (int)MAX_GROUP, "a token's queries of one key head are one task at least");

static inline Vector load(const float *from) { return *(const Unaligned *)from; }
static inline void store(float *to, Vector v) { *(Unaligned *)to = v; }
static inline Vector all(float x) { return x - (Vector){}; }

/* Between signed bytes and floats, which the compiler does lane by lane. */
static inline Vector load_bytes(const int8_t *from) {
#ifdef __AVX512F__
  return (Vector)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)from)));
#else
  return (Vector)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)from)));
#endif
}

/* The low bytes. */
static inline void store_bytes(uint8_t *to, Ints whole) {
#ifdef __AVX512F__
  _mm_storeu_si128((__m128i *)to, _mm512_cvtepi32_epi8((__m512i)whole));
#else
  for (int i = 0; i < LANES; i++) to[i] = (uint8_t)whole[i];
#endif
}

static inline Vector choose(Ints where, Vector a, Vector b) { return (Vector)((where & (Ints)a) | (~where & (Ints)b)); }
static inline Vector larger(Vector a, Vector b) { return choose(a > b, a, b); }

/* All lanes with those that are so far away, where the distance is a power of two. */
#define SELF(i) (i)
#define FAR_8(i) ((i) ^ 8)
#define FAR_4(i) ((i) ^ 4)
#define FAR_2(i) ((i) ^ 2)
#define FAR_1(i) ((i) ^ 1)
#define SHUFFLED(v, order) __builtin_shuffle(v, (Ints)PER_LANE(order))

static inline float max_of(Vector v) {
  if (LANES == 16) v = larger(v, SHUFFLED(v, FAR_8));
  v = larger(v, SHUFFLED(v, FAR_4));
  v = larger(v, SHUFFLED(v, FAR_2));
  return larger(v, SHUFFLED(v, FAR_1))[0];
}

static inline float sum_of(Vector v) {
  if (LANES == 16) v += SHUFFLED(v, FAR_8);
  v += SHUFFLED(v, FAR_4);
  v += SHUFFLED(v, FAR_2);
  return (v + SHUFFLED(v, FAR_1))[0];
}

/* Whole numbers nearest to what is at most 2^22, ties to even, stand in the low bits of a sum with this. */
static const float ROUNDER = 12582912.0f;

/* e^x for x of at most 0; 0 below -87. Off by some units in the last place. */
static inline Vector exponential(Vector x) {
  const Vector rounder = all(ROUNDER);
  Vector clamped = larger(x, all(-87.0f));
  Vector n = (clamped * 1.44269504f + rounder) - rounder;
  Vector r = clamped - n * 0.693359375f + n * 2.12194440e-4f;
  Vector p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Vector power = (Vector)((__builtin_convertvector(n, Ints) + 127) << 23);
  return choose(x < all(-87.0f), all(0), p * power);
}

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

static inline float magnitude(const float *x, size_t count) {
  Vector most = {};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) most = larger(most, (Vector)((Ints)load(x + i) & 0x7fffffff));
  float all_of = max_of(most);
  for (; i < count; i++) all_of = fabsf(x[i]) > all_of ? fabsf(x[i]) : all_of;
  return all_of;
}

/* Numbers in 8 bits around `zero`. @returns the scale */
static inline float to_bytes(uint8_t *restrict to, const float *restrict from, size_t count, int zero) {
  float most = magnitude(from, count), inverse = most > 0 ? 127 / most : 0;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    store_bytes(to + i, (Ints)(load(from + i) * inverse + all(ROUNDER)) + zero);
  }
  for (; i < count; i++) {
    float sum = from[i] * inverse + ROUNDER;
    int32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    to[i] = (uint8_t)(bits + zero);
  }
  return most / 127;
}

static inline size_t new_tokens(const Attention *a, size_t batch) {
  return (size_t)(a->starts[batch + 1] - a->starts[batch]);
}

/* Tokens of a row before the new ones. */
static inline size_t past_of(const Attention *a, size_t batch) { return (size_t)a->seqlens[batch] + 1 - new_tokens(a, batch); }

static void append(const Attention *a, size_t batch, size_t kv_head) {
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

/* -- attending ------------------------------------------------------------------------------------------------------------------ */

/* What a lane of the first of two rows gets, where blocks of `width` lanes swap across the diagonal, and what one of the second does. */
#define UPPER(i, width) ((i) & (width) ? LANES + (i) - (width) : (i))
#define LOWER(i, width) ((i) & (width) ? LANES + (i) : (i) + (width))
#define UPPER_1(i) UPPER(i, 1)
#define LOWER_1(i) LOWER(i, 1)
#define UPPER_2(i) UPPER(i, 2)
#define LOWER_2(i) LOWER(i, 2)
#define UPPER_4(i) UPPER(i, 4)
#define LOWER_4(i) LOWER(i, 4)
#define UPPER_8(i) UPPER(i, 8)
#define LOWER_8(i) LOWER(i, 8)
#define SWAP_BLOCKS(rows, width)                                              \
  UNROLL for (int i = 0; i < LANES; i++)                                      \
    if (!(i & width)) {                                                       \
      Vector a = rows[i], b = rows[i | width];                                \
      rows[i] = __builtin_shuffle(a, b, (Ints)PER_LANE(UPPER_##width));       \
      rows[i | width] = __builtin_shuffle(a, b, (Ints)PER_LANE(LOWER_##width)); \
    }

/* [LANES][LANES] from rows to columns. */
static inline __attribute__((always_inline)) void transpose(Vector rows[LANES]) {
  SWAP_BLOCKS(rows, 1)
  SWAP_BLOCKS(rows, 2)
  SWAP_BLOCKS(rows, 4)
#ifdef __AVX512F__
  SWAP_BLOCKS(rows, 8)
#endif
}

/* Into the second cache: lines of the first are needed for the panel that is made meanwhile. */
enum { NEAR = 2 };

/*
 * Asks for what is read soon, a line of the next block's keys and values at a time between other work. A head's tokens are far from where the
 * last ones were, and nobody else foresees it.
 */
static inline void expect(const void *keys, const void *values, size_t offset, size_t block_bytes) {
  __builtin_prefetch((const char *)keys + block_bytes + offset, 0, NEAR);
  __builtin_prefetch((const char *)values + block_bytes + offset, 0, NEAR);
}

/* Keys [count, dim] as a panel [dim][BLOCK]; what is missing of the block is zero. */
static inline __attribute__((always_inline)) void key_panel(
    Vector panel[][COLUMNS], const void *keys, const void *values, size_t count, size_t dim, int bytes) {
  size_t element = bytes ? 1 : sizeof(float);
  for (size_t column = 0; column < COLUMNS; column++)
    for (size_t d = 0; d < dim; d += LANES) {
      Vector rows[LANES];
      UNROLL for (size_t i = 0; i < LANES; i++) {
        size_t key = column * LANES + i, at = key * dim + d;
        if (key >= count) rows[i] = (Vector){};
        else rows[i] = bytes ? load_bytes((const int8_t *)keys + at) : load((const float *)keys + at);
        expect(keys, values, at * element, BLOCK * dim * element);
      }
      transpose(rows);
      UNROLL for (size_t i = 0; i < LANES; i++) panel[d + i][column] = rows[i];
    }
}

/* Scores [rows][BLOCK] of queries against a panel. */
static inline __attribute__((always_inline)) void score(
    Vector scores[][COLUMNS], const float *const *queries, const Vector panel[][COLUMNS], size_t dim, int rows) {
  for (int first = 0; first < COLUMNS; first += WIDE) {
    Vector sums[TILE][WIDE] = {};
    for (size_t d = 0; d < dim; d++)
      UNROLL for (int row = 0; row < rows; row++)
        UNROLL for (int i = 0; i < WIDE; i++) sums[row][i] += queries[row][d] * panel[d][first + i];
    UNROLL for (int row = 0; row < rows; row++)
      UNROLL for (int i = 0; i < WIDE; i++) scores[row][first + i] = sums[row][i];
  }
}

/* Adds `width` vectors of each value of a block, as often as its weight says, to sums [rows][dim]. */
static inline __attribute__((always_inline)) void add_columns(
    float *sums, const float *weights, const float *values, size_t count, size_t dim, int width, int rows) {
  Vector total[TILE][WIDE];
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < width; i++) total[row][i] = load(sums + (size_t)row * dim + i * LANES);
  for (size_t key = 0; key < count; key++) {
    Vector value[WIDE];
    UNROLL for (int i = 0; i < width; i++) value[i] = load(values + key * dim + (size_t)i * LANES);
    UNROLL for (int row = 0; row < rows; row++)
      UNROLL for (int i = 0; i < width; i++) total[row][i] += weights[(size_t)row * BLOCK + key] * value[i];
  }
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < width; i++) store(sums + (size_t)row * dim + i * LANES, total[row][i]);
}

static inline __attribute__((always_inline)) void add_values(
    float *sums, const Vector weights[][COLUMNS], const float *values, size_t count, size_t dim, int rows) {
  const float *weight = (const float *)weights;
  size_t d = 0;
  for (; d + WIDE * LANES <= dim; d += WIDE * LANES) add_columns(sums + d, weight, values + d, count, dim, WIDE, rows);
  for (; d < dim; d += LANES) add_columns(sums + d, weight, values + d, count, dim, 1, rows);
}

/* The state of a query: its largest score so far, the sum of its weights, and the weighted sum of values. */
typedef struct {
  Vector panel[MAX_HEAD_DIM][COLUMNS];
  Vector scores[ROWS][COLUMNS];
  float sums[ROWS * MAX_HEAD_DIM];
  float most[ROWS], weight[ROWS];
  /* Where keys and values are in 8 bits: queries are as well, a block's values are not. */
  uint8_t bytes[ROWS][MAX_HEAD_DIM];
  float rounded[ROWS][MAX_HEAD_DIM], query_scales[ROWS];
  float values[BLOCK * MAX_HEAD_DIM];
} Scratch;

/*
 * Queries in 8 bits: products with keys are whole numbers then, of which sums are below 2^24, so that floats hold them to the last one
 * and it does not matter what adds them up.
 */
static void round_query(Scratch *s, size_t row, const float *query, size_t dim) {
  s->query_scales[row] = to_bytes(s->bytes[row], query, dim, 128);
  for (size_t i = 0; i < dim; i++) s->rounded[row][i] = (float)(s->bytes[row][i] - 128);
}

static void to_floats(float *to, const int8_t *from, size_t count) {
  for (size_t i = 0; i < count; i += LANES) store(to + i, load_bytes(from + i));
}

#ifdef __AVX512VNNI__
/* Lanes of keys, four bytes each. */
static inline Ints four_of(const uint8_t *bytes) {
  int32_t four;
  memcpy(&four, bytes, sizeof four);
  return four - (Ints){};
}

static inline __attribute__((always_inline)) void add_products(Ints *sum, Ints unsigned_bytes, Ints signed_bytes) {
  /* See product.c. */
  __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(unsigned_bytes), "v"(signed_bytes));
}

/* Keys as a panel [dim / 4][BLOCK] of four bytes each; what is missing of the block is zero. */
static void byte_panel(Ints panel[][COLUMNS], const int8_t *keys, const int8_t *values, size_t count, size_t dim) {
  for (size_t column = 0; column < COLUMNS; column++)
    for (size_t d = 0; d < dim; d += 4 * LANES) {
      size_t bytes = dim - d < 4 * LANES ? dim - d : 4 * LANES;
      __mmask64 there = ~0ull >> (4 * LANES - bytes);
      Vector rows[LANES];
      UNROLL for (size_t i = 0; i < LANES; i++) {
        size_t key = column * LANES + i;
        rows[i] = key < count ? (Vector)_mm512_maskz_loadu_epi8(there, keys + key * dim + d) : (Vector){};
        expect(keys, values, key * dim + d, BLOCK * dim);
      }
      transpose(rows);
      for (size_t i = 0; i < bytes / 4; i++) panel[d / 4 + i][column] = (Ints)rows[i];
    }
}

/* Scores of queries in bytes around 128, whose 128 adds `zeros` to each key's sum. */
static inline __attribute__((always_inline)) void score_bytes(
    Vector scores[][COLUMNS], uint8_t (*queries)[MAX_HEAD_DIM], const Ints panel[][COLUMNS], const Ints *zeros, size_t dim, int rows) {
  Ints sums[TILE][COLUMNS];
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < COLUMNS; i++) sums[row][i] = -zeros[i];
  for (size_t d = 0; d < dim; d += 4)
    UNROLL for (int row = 0; row < rows; row++) {
      Ints query = four_of(queries[row] + d);
      UNROLL for (int i = 0; i < COLUMNS; i++) add_products(&sums[row][i], query, panel[d / 4][i]);
    }
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < COLUMNS; i++) scores[row][i] = __builtin_convertvector(sums[row][i], Vector);
}

static void score_all_bytes(Scratch *s, const int8_t *keys, const int8_t *values, size_t count, size_t dim, size_t rows) {
  Ints(*panel)[COLUMNS] = (Ints(*)[COLUMNS])s->panel;
  byte_panel(panel, keys, values, count, dim);
  Ints zeros[COLUMNS] = {};
  for (size_t d = 0; d < dim; d += 4)
    UNROLL for (int i = 0; i < COLUMNS; i++) add_products(&zeros[i], (Ints)_mm512_set1_epi8((char)128), panel[d / 4][i]);
  for (size_t row = 0; row < rows; row += TILE) {
    const Ints(*from)[COLUMNS] = (const Ints(*)[COLUMNS])panel;
    switch (rows - row) {
      case 1: score_bytes(s->scores + row, s->bytes + row, from, zeros, dim, 1); break;
      case 2: score_bytes(s->scores + row, s->bytes + row, from, zeros, dim, 2); break;
      case 3: score_bytes(s->scores + row, s->bytes + row, from, zeros, dim, 3); break;
      default: score_bytes(s->scores + row, s->bytes + row, from, zeros, dim, TILE);
    }
  }
}
#endif

static inline __attribute__((always_inline)) void score_all(
    Scratch *s, const float *const *queries, const void *keys, const void *values, size_t count, size_t dim, size_t rows, int bytes) {
#ifdef __AVX512VNNI__
  if (bytes) {
    score_all_bytes(s, keys, values, count, dim, rows);
    return;
  }
#endif
  key_panel(s->panel, keys, values, count, dim, bytes);
  for (size_t row = 0; row < rows; row += TILE) {
    const Vector(*panel)[COLUMNS] = (const Vector(*)[COLUMNS])s->panel;
    switch (rows - row) {
      case 1: score(s->scores + row, queries + row, panel, dim, 1); break;
      case 2: score(s->scores + row, queries + row, panel, dim, 2); break;
      case 3: score(s->scores + row, queries + row, panel, dim, 3); break;
      default: score(s->scores + row, queries + row, panel, dim, TILE);
    }
  }
}

/* Scores of one query and block become weights; what was summed before is made to fit a larger maximum. */
static inline __attribute__((always_inline)) void weigh(
    Scratch *s, size_t row, const Attention *a, size_t begin, size_t end, const float *key_scales) {
  Vector *scores = s->scores[row];
  Vector places = PER_LANE(SELF);
  Vector most = all(-INFINITY);
  for (int column = 0; column < COLUMNS; column++, places += LANES) {
    if (key_scales) scores[column] *= load(key_scales + column * LANES) * s->query_scales[row];
    if (a->softcap > 0)
      for (int i = 0; i < LANES; i++) scores[column][i] = a->softcap * tanhf(scores[column][i] / a->softcap);
    scores[column] = choose((places >= all((float)begin)) & (places < all((float)end)), scores[column], all(-INFINITY));
    most = larger(most, scores[column]);
  }
  float before = s->most[row], now = max_of(most);
  if (now == -INFINITY) {
    memset(scores, 0, BLOCK * sizeof(float));
    return;
  }
  if (now < before) now = before;
  if (now > before) {
    float factor = exponential(all(before - now))[0];
    s->most[row] = now;
    s->weight[row] *= factor;
    for (size_t d = 0; d < a->head_dim; d++) s->sums[row * a->head_dim + d] *= factor;
  }
  Vector sum = {};
  for (int column = 0; column < COLUMNS; column++) sum += scores[column] = exponential(scores[column] - now);
  s->weight[row] += sum_of(sum);
}

static inline __attribute__((always_inline)) void attend_to(
    const Attention *a, size_t batch, size_t kv_head, size_t first, size_t count, int bytes) {
  static _Thread_local Scratch scratch;
  Scratch *s = &scratch;
  size_t dim = a->head_dim, group = a->heads / a->kv_heads, past = past_of(a, batch);
  size_t head = batch * a->kv_heads + kv_head, element = bytes ? 1 : sizeof(float);
  float *queries[ROWS];
  const float *scored[ROWS];
  size_t begins[ROWS], ends[ROWS];
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
  for (size_t block = begins[0] / BLOCK * BLOCK; block < last; block += BLOCK) {
    size_t keys = last - block < BLOCK ? last - block : BLOCK, place = head * a->capacity + block;
    float key_scales[BLOCK] = {0}, value_scales[BLOCK] = {0};
    if (bytes) {
      memcpy(key_scales, a->key_scales + place, keys * sizeof(float));
      memcpy(value_scales, a->value_scales + place, keys * sizeof(float));
    }
    const void *values = (const char *)a->values + place * dim * element;
    score_all(s, scored, (const char *)a->keys + place * dim * element, values, keys, dim, count, bytes);
    for (size_t row = 0; row < count; row++) {
      size_t begin = begins[row] > block ? begins[row] - block : 0, end = ends[row] > block ? ends[row] - block : 0;
      weigh(s, row, a, begin, end, bytes ? key_scales : NULL);
      if (bytes) for (int i = 0; i < COLUMNS; i++) s->scores[row][i] *= load(value_scales + i * LANES);
    }
    if (bytes) to_floats(s->values, values, keys * dim);
    const float *added = bytes ? s->values : values;
    for (size_t row = 0; row < count; row += TILE) {
      size_t rows = count - row < TILE ? count - row : TILE;
      float *sums = s->sums + row * dim;
      const Vector(*weights)[COLUMNS] = (const Vector(*)[COLUMNS])(s->scores + row);
      switch (rows) {
        case 1: add_values(sums, weights, added, keys, dim, 1); break;
        case 2: add_values(sums, weights, added, keys, dim, 2); break;
        case 3: add_values(sums, weights, added, keys, dim, 3); break;
        default: add_values(sums, weights, added, keys, dim, TILE);
      }
    }
  }
  for (size_t row = 0; row < count; row++) {
    float factor = 1 / s->weight[row];
    for (size_t d = 0; d < dim; d++) queries[row][d] = s->sums[row * dim + d] * factor;
  }
}

static void attend(const Attention *a, size_t batch, size_t kv_head, size_t first, size_t count) {
  if (a->key_scales) attend_to(a, batch, kv_head, first, count, 1);
  else attend_to(a, batch, kv_head, first, count, 0);
}

/* -- quantizing ----------------------------------------------------------------------------------------------------------------- */

static void quantize(const Quantization *q, size_t row) {
  q->scales[row] = to_bytes(q->rows + row * q->width, q->x + row * q->width, q->width, 128);
}

/* -- gating --------------------------------------------------------------------------------------------------------------------- */

static inline Vector silu(Vector x) {
  Vector e = exponential((Vector)((Ints)x | INT32_MIN));
  return x * choose(x < all(0), e, all(1)) / (e + 1);
}

#define SIGN_1(i) ((i) & 1 ? -1.0f : 1.0f)
#define SIGN_2(i) ((i) & 2 ? -1.0f : 1.0f)
#define SIGN_4(i) ((i) & 4 ? -1.0f : 1.0f)
#define SIGN_8(i) ((i) & 8 ? -1.0f : 1.0f)

/* Sums and differences of neighbours, of pairs and so on, up to halves of the block. */
static inline void turn(float *x, size_t block) {
  for (size_t i = 0; i < block; i += LANES) {
    Vector v = load(x + i);
    v = SHUFFLED(v, FAR_1) + v * (Vector)PER_LANE(SIGN_1);
    v = SHUFFLED(v, FAR_2) + v * (Vector)PER_LANE(SIGN_2);
    v = SHUFFLED(v, FAR_4) + v * (Vector)PER_LANE(SIGN_4);
    if (LANES == 16) v = SHUFFLED(v, FAR_8) + v * (Vector)PER_LANE(SIGN_8);
    store(x + i, v);
  }
  for (size_t half = LANES; half < block; half *= 2)
    for (size_t start = 0; start < block; start += 2 * half)
      for (size_t i = start; i < start + half; i += LANES) {
        Vector a = load(x + i), b = load(x + i + half);
        store(x + i, a + b);
        store(x + i + half, a - b);
      }
}

static void gate(const Gating *g, size_t row) {
  static _Thread_local float inner[MAX_GATED_WIDTH];
  const float *gates = g->product + row * 2 * g->width, *ups = gates + g->width;
  float scale = g->product_scales[row], factor = scale / sqrtf((float)g->block);
  for (size_t i = 0; i < g->width; i += LANES) store(inner + i, silu(load(gates + i) * scale) * (load(ups + i) * factor));
  if (g->block > 1)
    for (size_t i = 0; i < g->width; i += g->block) turn(inner + i, g->block);
  g->scales[row] = to_bytes(g->rows + row * g->width, inner, g->width, 128);
}

/* -- choosing ------------------------------------------------------------------------------------------------------------------- */

static int largest(const float *row, size_t count) {
  Vector most = all(-INFINITY);
  Ints unordered = {};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    Vector v = load(row + i);
    unordered |= v != v;
    most = larger(v, most);
  }
  float best = max_of(most);
  int is_void = 0;
  for (int lane = 0; lane < LANES; lane++) is_void |= unordered[lane];
  for (size_t rest = i; rest < count; rest++) {
    is_void |= row[rest] != row[rest];
    best = row[rest] > best ? row[rest] : best;
  }
  if (is_void || best == -INFINITY) return -1;
  for (i = 0; i + LANES <= count; i += LANES) {
    Ints same = load(row + i) == best;
    int any = 0;
    for (int lane = 0; lane < LANES; lane++) any |= same[lane];
    if (any) break;
  }
  while (row[i] != best) i++;
  return (int)i;
}

#ifdef __AVX512VNNI__
#define PRODUCT product_vnni
#else
#define PRODUCT NULL
#endif

const Kernels CONCAT(kernels_, VARIANT) = {append, attend, quantize, gate, largest, PRODUCT};

/* What rows of a model's layers go through beside attention and products. */
#include "attention.h"

/* -- quantizing ----------------------------------------------------------------------------------------------------------------- */

static void quantize(const Quantization *q, size_t row) {
  q->scales[row] = to_bytes(q->rows + row * q->width, q->x + row * q->width, q->width, 128);
}

/* -- norming -------------------------------------------------------------------------------------------------------------------- */

static void norm(const Norming *n, size_t row) {
  const float *x = n->x + row * n->width, *residual = n->residual + row * n->width;
  float *sum = n->sum + row * n->width, *normed = n->normed + row * n->width, squares = 0;
  Vector some[WIDE] = {};
  size_t i = 0;
  for (; i + WIDE * LANES <= n->width; i += WIDE * LANES)
    UNROLL for (int j = 0; j < WIDE; j++) {
      Vector v = load(x + i + j * LANES) + load(residual + i + j * LANES);
      store(sum + i + j * LANES, v);
      some[j] += v * v;
    }
  for (; i < n->width; i++) {
    sum[i] = x[i] + residual[i];
    squares += sum[i] * sum[i];
  }
  UNROLL for (int j = 1; j < WIDE; j++) some[0] += some[j];
  float factor = 1 / sqrtf((squares + sum_of(some[0])) / (float)n->width + n->epsilon);
  for (i = 0; i + LANES <= n->width; i += LANES) store(normed + i, load(sum + i) * factor * load(n->weight + i));
  for (; i < n->width; i++) normed[i] = sum[i] * factor * n->weight[i];
  n->scales[row] = to_bytes(n->rows + row * n->width, normed, n->width, 128);
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

const Kernels CONCAT(kernels_, VARIANT) = {CONCAT(append_, VARIANT), CONCAT(attend_, VARIANT), quantize, norm, gate, largest, PRODUCT};

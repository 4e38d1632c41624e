/*
 * Operators of the domain `sglang` for ONNX Runtime's CPU provider, in a library that a session registers. They compute with the threads
 * of the session.
 */
#include "kernels.h"
#include "ort.h"
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Of the table of functions; the last one that is used came with it. */
enum { API_VERSION = 17 };

static OrtApi ort;
static const Kernels *kernels;

/*
 * Has operators compute with the best kernels of at most this level (3: AVX2, 4: AVX-512, 5: with products of bytes, which QuantizedProduct
 * needs) that the processor has.
 * Returns their level; 0 where there are none, and nothing may be registered then.
 */
EXPORT int sglang_use_kernels(int most) {
  __builtin_cpu_init();
  int has_v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
  int has_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  int has_v5 = has_v4 && __builtin_cpu_supports("avx512vnni");
  int level = most >= 5 && has_v5 ? 5 : most >= 4 && has_v4 ? 4 : most >= 3 && has_v3 ? 3 : 0;
  kernels = level == 5 ? &kernels_v5 : level == 4 ? &kernels_v4 : level == 3 ? &kernels_v3 : NULL;
  return level;
}

/* For callers without a session; sglang_use_kernels must have found some. */
EXPORT int sglang_largest(const float *row, size_t count) { return kernels->largest(row, count); }

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* The digest of the files that this was compiled from. */
EXPORT const char *sglang_sources(void) { return TEXT(SOURCES); }

#define TRY(call)                       \
  do {                                  \
    OrtStatus *status_ = (call);        \
    if (status_) return status_;        \
  } while (0)

static OrtStatus *invalid(const char *why) { return ORT_CREATE_STATUS(ORT_INVALID_ARGUMENT, why); }

typedef struct {
  void *data;
  int64_t dims[4];
  size_t rank;
} Tensor;

/* Data is null for an optional input that is left out. */
static OrtStatus *input(const OrtKernelContext *context, size_t index, Tensor *tensor) {
  const OrtValue *value = NULL;
  OrtTensorTypeAndShapeInfo *info;
  *tensor = (Tensor){0};
  TRY(ORT_INPUT(context, index, &value));
  if (!value) return NULL;
  TRY(ORT_TENSOR_DATA((OrtValue *)value, &tensor->data));
  TRY(ORT_TYPE_AND_SHAPE(value, &info));
  OrtStatus *status = ORT_RANK(info, &tensor->rank);
  if (!status) status = tensor->rank > 4 ? invalid("an input has too many dimensions") : ORT_DIMS(info, tensor->dims, tensor->rank);
  ORT_RELEASE_SHAPE(info);
  return status;
}

static OrtStatus *output(OrtKernelContext *context, size_t index, const int64_t *dims, size_t rank, void *data) {
  OrtValue *value;
  TRY(ORT_OUTPUT(context, index, dims, rank, &value));
  return ORT_TENSOR_DATA(value, (void **)data);
}

/* Numbers that one thread is done with before another would have begun. */
enum { FEW = 1 << 14 };

/* Runs a task for each row, by one thread where they are `few` numbers in all. A thread that is kept waiting leaves the others its rows. */
static OrtStatus *for_each(OrtKernelContext *context, void (*task)(void *, size_t), size_t rows, size_t numbers, void *data) {
  if (numbers > FEW) return ORT_PARALLEL_FOR(context, task, rows, rows, data);
  for (size_t row = 0; row < rows; row++) task(data, row);
  return NULL;
}

/* A kernel that is a copy of what was read of its attributes; `free` ends it. */
static OrtStatus *keep(const void *read, size_t size, void **kernel) {
  *kernel = malloc(size);
  if (!*kernel) return invalid("out of memory");
  memcpy(*kernel, read, size);
  return NULL;
}

/* -- CachedAttention ------------------------------------------------------------------------------------------------------------ */

enum { QUERY, KEY, VALUE, PAST_KEY, PAST_VALUE, SEQLENS, STARTS, COS, SIN, KEY_SCALES, VALUE_SCALES, ATTENTION_INPUTS };

typedef struct {
  int64_t heads, kv_heads, window;
  int is_int8;
  float scale, softcap;
} AttentionKernel;

static const OrtCustomOp int8_attention_operator;

static OrtStatus *create_attention(const OrtCustomOp *op, OrtApi api, const OrtKernelInfo *info, void **kernel) {
  (void)api;
  AttentionKernel k = {.is_int8 = op == &int8_attention_operator};
  TRY(ORT_ATTRIBUTE_INT(info, "num_heads", &k.heads));
  TRY(ORT_ATTRIBUTE_INT(info, "kv_num_heads", &k.kv_heads));
  TRY(ORT_ATTRIBUTE_INT(info, "local_window_size", &k.window));
  TRY(ORT_ATTRIBUTE_FLOAT(info, "scale", &k.scale));
  TRY(ORT_ATTRIBUTE_FLOAT(info, "softcap", &k.softcap));
  if (k.kv_heads < 1 || k.heads % k.kv_heads != 0 || k.heads / k.kv_heads > MAX_GROUP) return invalid("num_heads");
  return keep(&k, sizeof k, kernel);
}

/* The number of a row's first task of one key head. Up to the next row's are as many numbers as it has tasks, or one more. */
static size_t first_task(const Attention *a, size_t batch) {
  return (size_t)a->starts[batch] * (a->heads / a->kv_heads) / a->task_rows + batch;
}

static size_t row_of_task(const Attention *a, size_t task) {
  size_t low = 0, high = a->batch;
  while (high - low > 1) {
    size_t middle = (low + high) / 2;
    if (first_task(a, middle) <= task) low = middle;
    else high = middle;
  }
  return low;
}

typedef struct {
  const Attention *attention;
  /* Whether each head of a row is one task, which appends what is new first. */
  int append;
} AttentionTasks;

static void append_task(void *data, size_t index) {
  const Attention *a = data;
  kernels->append(a, index / a->kv_heads, index % a->kv_heads);
}

static void attend_task(void *data, size_t index) {
  const Attention *a = ((const AttentionTasks *)data)->attention;
  size_t tasks = first_task(a, a->batch);
  /* The last ones of a row first: they have the most keys, and nobody should wait for them in the end. */
  size_t task = tasks - 1 - index / a->kv_heads, batch = row_of_task(a, task);
  size_t first = (task - first_task(a, batch)) * a->task_rows;
  size_t queries = new_tokens(a, batch) * (a->heads / a->kv_heads);
  if (first >= queries) return;
  size_t count = queries - first < a->task_rows ? queries - first : a->task_rows;
  if (((const AttentionTasks *)data)->append) kernels->append(a, batch, index % a->kv_heads);
  kernels->attend(a, batch, index % a->kv_heads, first, count);
}

static int same_dims(const Tensor *a, const Tensor *b, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (a->dims[i] != b->dims[i]) return 0;
  return a->rank == b->rank;
}

/* Everything that places are computed from. */
static OrtStatus *check_attention(const AttentionKernel *k, const Tensor *in) {
  const Tensor *q = in + QUERY, *past = in + PAST_KEY, *cos = in + COS;
  const int64_t batch = in[SEQLENS].dims[0], capacity = past->dims[2], dim = past->dims[3];
  const int64_t q_width = k->heads * dim, kv_width = k->kv_heads * dim;
  const int32_t *seqlens = in[SEQLENS].data, *starts = in[STARTS].data;
  if (in[SEQLENS].rank != 1 || batch < 1 || q->rank != 2) return invalid("seqlens_k: [batch], query: [tokens, width]");
  if (in[STARTS].rank != 1 || in[STARTS].dims[0] != batch + 1 || starts[0] != 0 || starts[batch] != q->dims[0]) return invalid("row_starts: [batch + 1], from 0 to all tokens");
  if (past->rank != 4 || past->dims[0] != batch || !same_dims(past, in + PAST_VALUE, 4)) return invalid("past_key and past_value: [batch, kv_heads, capacity, head_dim]");
  if (past->dims[1] != k->kv_heads) return invalid("past_key has another number of heads");
  if (dim % HEAD_DIM_STEP != 0 || dim > MAX_HEAD_DIM) return invalid("head_dim");
  if (q->dims[1] != (in[KEY].data ? q_width : q_width + 2 * kv_width)) return invalid("query has another width");
  if (in[KEY].data && (!in[VALUE].data || in[KEY].dims[0] != q->dims[0] || in[KEY].dims[1] != kv_width || !same_dims(in + KEY, in + VALUE, 2)))
    return invalid("key and value have other shapes");
  if (cos->data && (!in[SIN].data || cos->rank != 2 || !same_dims(cos, in + SIN, 2))) return invalid("cos and sin have other shapes");
  if (cos->data && 2 * cos->dims[1] > dim) return invalid("cos and sin are wider than a head");
  const Tensor scales = {.rank = 4, .dims = {batch, k->kv_heads, capacity, 1}};
  if (k->is_int8 && (!same_dims(&scales, in + KEY_SCALES, 4) || !same_dims(&scales, in + VALUE_SCALES, 4)))
    return invalid("scales: [batch, kv_heads, capacity, 1]");
  for (int64_t row = 0; row < batch; row++) {
    if (seqlens[row] < 0 || seqlens[row] >= capacity) return invalid("seqlens_k is outside of the rows");
    if (starts[row + 1] <= starts[row] || starts[row + 1] - starts[row] > seqlens[row] + 1) return invalid("row_starts and seqlens_k do not belong together");
    if (cos->data && seqlens[row] >= cos->dims[0]) return invalid("seqlens_k is outside of the rotary tables");
  }
  return NULL;
}

/* The most queries that a head of a row has. */
static size_t most_queries(const Attention *a) {
  size_t most = 0;
  for (size_t row = 0; row < a->batch; row++)
    if (new_tokens(a, row) > most) most = new_tokens(a, row);
  return most * (a->heads / a->kv_heads);
}

static OrtStatus *compute_attention(void *kernel, OrtKernelContext *context) {
  const AttentionKernel *k = kernel;
  Tensor in[ATTENTION_INPUTS];
  for (size_t i = 0; i < (k->is_int8 ? ATTENTION_INPUTS : KEY_SCALES); i++) TRY(input(context, i, in + i));
  TRY(check_attention(k, in));
  Attention a = {.batch = (size_t)in[SEQLENS].dims[0], .heads = (size_t)k->heads, .kv_heads = (size_t)k->kv_heads};
  a.tokens = (size_t)in[QUERY].dims[0];
  a.head_dim = (size_t)in[PAST_KEY].dims[3];
  a.capacity = (size_t)in[PAST_KEY].dims[2];
  a.q = in[QUERY].data;
  a.q_stride = (size_t)in[QUERY].dims[1];
  a.k = in[KEY].data ? in[KEY].data : a.q + a.heads * a.head_dim;
  a.v = in[VALUE].data ? in[VALUE].data : a.k + a.kv_heads * a.head_dim;
  a.kv_stride = in[KEY].data ? (size_t)in[KEY].dims[1] : a.q_stride;
  a.seqlens = in[SEQLENS].data;
  a.starts = in[STARTS].data;
  a.cos = in[COS].data;
  a.sin = in[SIN].data;
  a.rotary_half = a.cos ? (size_t)in[COS].dims[1] : 0;
  a.scale = k->scale;
  a.softcap = k->softcap;
  a.window = (size_t)k->window;
  int64_t shape[] = {in[QUERY].dims[0], (int64_t)(a.heads * a.head_dim)};
  TRY(output(context, 0, shape, 2, &a.out));
  TRY(output(context, 1, in[PAST_KEY].dims, 4, &a.keys));
  TRY(output(context, 2, in[PAST_VALUE].dims, 4, &a.values));
  if (k->is_int8) {
    TRY(output(context, 3, in[KEY_SCALES].dims, in[KEY_SCALES].rank, &a.key_scales));
    TRY(output(context, 4, in[VALUE_SCALES].dims, in[VALUE_SCALES].rank, &a.value_scales));
    if (a.key_scales != in[KEY_SCALES].data || a.value_scales != in[VALUE_SCALES].data) return invalid("present and past scales are not the same memory");
  }
  if (a.keys != in[PAST_KEY].data || a.values != in[PAST_VALUE].data) return invalid("present and past are not the same memory");
  size_t heads = a.batch * a.kv_heads, group = a.heads / a.kv_heads;
  /* Queries of a head together, which read its keys once; fewer at a time where that would leave threads without work. */
  a.task_rows = heads >= 8 || a.tokens > 8 ? MAX_GROUP / group * group : 4;
  AttentionTasks t = {.attention = &a, .append = most_queries(&a) <= a.task_rows};
  if (!t.append) TRY(for_each(context, append_task, heads, a.tokens * (a.heads + 2 * a.kv_heads) * a.head_dim, &a));
  size_t tasks = a.kv_heads * first_task(&a, a.batch);
  return ORT_PARALLEL_FOR(context, attend_task, tasks, tasks, &t);
}

static const char *attention_name(const OrtCustomOp *op) { return (void)op, "CachedAttention"; }
static size_t attention_inputs(const OrtCustomOp *op) { return (void)op, KEY_SCALES; }
static size_t attention_outputs(const OrtCustomOp *op) { return (void)op, 3; }
static int attention_input(const OrtCustomOp *op, size_t index) { return (void)op, index == SEQLENS || index == STARTS ? ORT_INT32 : ORT_FLOAT; }
static int attention_output(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, ORT_FLOAT; }
static int attention_characteristic(const OrtCustomOp *op, size_t index) {
  (void)op;
  return index == KEY || index == VALUE || index == COS || index == SIN ? ORT_OPTIONAL : ORT_REQUIRED;
}

static const char *int8_attention_name(const OrtCustomOp *op) { return (void)op, "CachedAttentionInt8"; }
static size_t int8_attention_inputs(const OrtCustomOp *op) { return (void)op, ATTENTION_INPUTS; }
static size_t int8_attention_outputs(const OrtCustomOp *op) { return (void)op, 5; }
static int int8_attention_input(const OrtCustomOp *op, size_t index) {
  return index == PAST_KEY || index == PAST_VALUE ? ORT_INT8 : attention_input(op, index);
}
static int int8_attention_output(const OrtCustomOp *op, size_t index) {
  return (void)op, index == 1 || index == 2 ? ORT_INT8 : ORT_FLOAT;
}

/* -- QuantizeRows --------------------------------------------------------------------------------------------------------------- */

static void quantize_task(void *data, size_t row) { kernels->quantize(data, row); }

static OrtStatus *compute_rows(void *kernel, OrtKernelContext *context) {
  (void)kernel;
  Tensor x;
  Quantization q;
  TRY(input(context, 0, &x));
  if (x.rank != 2) return invalid("x: [rows, width]");
  q.width = (size_t)x.dims[1];
  q.x = x.data;
  TRY(output(context, 0, x.dims, 2, &q.rows));
  TRY(output(context, 1, (int64_t[]){x.dims[0], 1}, 2, &q.scales));
  return for_each(context, quantize_task, (size_t)x.dims[0], (size_t)x.dims[0] * q.width, &q);
}

static OrtStatus *create_nothing(const OrtCustomOp *op, OrtApi api, const OrtKernelInfo *info, void **kernel) {
  (void)op, (void)api, (void)info;
  *kernel = NULL;
  return NULL;
}
static const char *rows_name(const OrtCustomOp *op) { return (void)op, "QuantizeRows"; }
static size_t rows_inputs(const OrtCustomOp *op) { return (void)op, 1; }
static size_t rows_outputs(const OrtCustomOp *op) { return (void)op, 2; }
static int rows_input(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, ORT_FLOAT; }
static int rows_output(const OrtCustomOp *op, size_t index) { return (void)op, index == 0 ? ORT_UINT8 : ORT_FLOAT; }

/* -- NormedRows ----------------------------------------------------------------------------------------------------------------- */

static void norm_task(void *data, size_t row) { kernels->norm(data, row); }

static OrtStatus *compute_normed(void *kernel, OrtKernelContext *context) {
  Tensor x, residual, weight;
  TRY(input(context, 0, &x));
  TRY(input(context, 1, &residual));
  TRY(input(context, 2, &weight));
  if (x.rank != 2 || !same_dims(&x, &residual, 2)) return invalid("x and residual: [rows, width]");
  if (weight.rank != 1 || weight.dims[0] != x.dims[1]) return invalid("weight: [width]");
  Norming n = {.width = (size_t)x.dims[1], .epsilon = *(float *)kernel, .x = x.data, .residual = residual.data, .weight = weight.data};
  TRY(output(context, 0, x.dims, 2, &n.normed));
  TRY(output(context, 1, x.dims, 2, &n.sum));
  TRY(output(context, 2, x.dims, 2, &n.rows));
  TRY(output(context, 3, (int64_t[]){x.dims[0], 1}, 2, &n.scales));
  return for_each(context, norm_task, (size_t)x.dims[0], (size_t)x.dims[0] * n.width, &n);
}

static OrtStatus *create_normed(const OrtCustomOp *op, OrtApi api, const OrtKernelInfo *info, void **kernel) {
  (void)op, (void)api;
  float epsilon;
  TRY(ORT_ATTRIBUTE_FLOAT(info, "epsilon", &epsilon));
  return keep(&epsilon, sizeof epsilon, kernel);
}
static const char *normed_name(const OrtCustomOp *op) { return (void)op, "NormedRows"; }
static size_t normed_inputs(const OrtCustomOp *op) { return (void)op, 3; }
static size_t normed_outputs(const OrtCustomOp *op) { return (void)op, 4; }
static int normed_input(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, ORT_FLOAT; }
static int normed_output(const OrtCustomOp *op, size_t index) { return (void)op, index == 2 ? ORT_UINT8 : ORT_FLOAT; }

/* -- GatedRows ------------------------------------------------------------------------------------------------------------------ */

/* A number of a gate takes as long as so many that are rounded. */
enum { GATE_COST = 8 };

static void gate_task(void *data, size_t row) { kernels->gate(data, row); }

static OrtStatus *compute_gated(void *kernel, OrtKernelContext *context) {
  Tensor product, scales;
  TRY(input(context, 0, &product));
  TRY(input(context, 1, &scales));
  if (product.rank != 2 || scales.rank < 1 || scales.dims[0] != product.dims[0]) return invalid("product: [rows, 2 * width], scales: [rows, 1]");
  Gating g = {.width = (size_t)product.dims[1] / 2, .block = (size_t) * (int64_t *)kernel, .product = product.data, .product_scales = scales.data};
  size_t block = g.block, step = block > HEAD_DIM_STEP ? block : HEAD_DIM_STEP;
  if (g.width % step != 0 || g.width > MAX_GATED_WIDTH || (block != 1 && (block < HEAD_DIM_STEP || block & (block - 1)))) return invalid("width and block");
  TRY(output(context, 0, (int64_t[]){product.dims[0], (int64_t)g.width}, 2, &g.rows));
  TRY(output(context, 1, (int64_t[]){product.dims[0], 1}, 2, &g.scales));
  return for_each(context, gate_task, (size_t)product.dims[0], (size_t)product.dims[0] * g.width * GATE_COST, &g);
}

static OrtStatus *create_gated(const OrtCustomOp *op, OrtApi api, const OrtKernelInfo *info, void **kernel) {
  (void)op, (void)api;
  int64_t block;
  TRY(ORT_ATTRIBUTE_INT(info, "block", &block));
  return keep(&block, sizeof block, kernel);
}
static const char *gated_name(const OrtCustomOp *op) { return (void)op, "GatedRows"; }
static size_t gated_inputs(const OrtCustomOp *op) { return (void)op, 2; }
static size_t gated_outputs(const OrtCustomOp *op) { return (void)op, 2; }
static int gated_input(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, ORT_FLOAT; }
static int gated_output(const OrtCustomOp *op, size_t index) { return (void)op, index == 0 ? ORT_UINT8 : ORT_FLOAT; }

/* -- QuantizedProduct ----------------------------------------------------------------------------------------------------------- */

enum { ROWS, WEIGHTS, SCALES, ZEROS, ROW_SCALES, BIAS, PRODUCT_INPUTS };

/* Rows of a task, which stay in a near cache with their panel; and tasks into which panels are put together where rows are few. */
enum { TASK_ROWS = 96, TASKS = 64 };

typedef struct {
  Product p;
  size_t panels, task_panels, row_tasks;
} ProductTasks;

static void product_task(void *data, size_t index) {
  const ProductTasks *t = data;
  size_t first = index % t->row_tasks * TASK_ROWS, left = t->p.rows - first;
  size_t panel = index / t->row_tasks * t->task_panels, end = panel + t->task_panels;
  for (; panel < end && panel < t->panels; panel++) kernels->product(&t->p, panel, first, left < TASK_ROWS ? left : TASK_ROWS);
}

static OrtStatus *compute_product(void *kernel, OrtKernelContext *context) {
  (void)kernel;
  Tensor in[PRODUCT_INPUTS];
  for (size_t i = 0; i < PRODUCT_INPUTS; i++) TRY(input(context, i, in + i));
  if (!kernels->product) return invalid("the processor does not multiply bytes");
  const Tensor *x = in + ROWS, *weights = in + WEIGHTS;
  if (x->rank != 2 || x->dims[1] % 4 != 0 || x->dims[1] > MAX_DEPTH) return invalid("rows: [rows, depth], depth a multiple of 4 and at most 65536");
  int64_t rows = x->dims[0], depth = x->dims[1], width = in[SCALES].dims[0], panels = (width + PANEL - 1) / PANEL;
  const Tensor whole = {.rank = 4, .dims = {panels, depth / 4, PANEL, 4}}, wide = {.rank = 1, .dims = {width}};
  if (!same_dims(&whole, weights, 4)) return invalid("weights: [panels, depth / 4, 64, 4]");
  if (!same_dims(&wide, in + SCALES, 1) || !same_dims(&wide, in + ZEROS, 1)) return invalid("scales and zeros: [width]");
  if (in[BIAS].data && !same_dims(&wide, in + BIAS, 1)) return invalid("bias: [width]");
  const Tensor each = {.rank = 2, .dims = {rows, 1}};
  if (in[ROW_SCALES].data && !same_dims(&each, in + ROW_SCALES, 2)) return invalid("row scales: [rows, 1]");
  ProductTasks t = {.p = {.rows = (size_t)rows, .depth = (size_t)depth, .width = (size_t)width, .x = x->data}, .panels = (size_t)panels};
  t.p.weights = weights->data;
  t.p.scales = in[SCALES].data;
  t.p.zeros = in[ZEROS].data;
  t.p.row_scales = in[ROW_SCALES].data;
  t.p.bias = in[BIAS].data;
  TRY(output(context, 0, (int64_t[]){rows, width}, 2, &t.p.out));
  if (rows == 0 || width == 0) return NULL;
  t.row_tasks = (t.p.rows + TASK_ROWS - 1) / TASK_ROWS;
  t.task_panels = t.row_tasks == 1 && t.panels > TASKS ? t.panels / TASKS : 1;
  size_t tasks = (t.panels + t.task_panels - 1) / t.task_panels * t.row_tasks;
  return ORT_PARALLEL_FOR(context, product_task, tasks, tasks, &t);
}

static const char *product_name(const OrtCustomOp *op) { return (void)op, "QuantizedProduct"; }
static size_t product_inputs(const OrtCustomOp *op) { return (void)op, PRODUCT_INPUTS; }
static size_t product_outputs(const OrtCustomOp *op) { return (void)op, 1; }
static int product_input(const OrtCustomOp *op, size_t index) {
  return (void)op, index == ROWS ? ORT_UINT8 : index == WEIGHTS ? ORT_INT8 : index == ZEROS ? ORT_INT32 : ORT_FLOAT;
}
static int product_output(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, ORT_FLOAT; }
static int product_characteristic(const OrtCustomOp *op, size_t index) {
  return (void)op, index == ROW_SCALES || index == BIAS ? ORT_OPTIONAL : ORT_REQUIRED;
}

/* -- LikeliestTokens ------------------------------------------------------------------------------------------------------------ */

typedef struct {
  const float *logits;
  size_t width;
  int32_t *tokens;
} Likeliest;

static void likeliest_task(void *data, size_t row) {
  const Likeliest *l = data;
  l->tokens[row] = kernels->largest(l->logits + row * l->width, l->width);
}

static OrtStatus *compute_likeliest(void *kernel, OrtKernelContext *context) {
  (void)kernel;
  Tensor logits;
  TRY(input(context, 0, &logits));
  if (logits.rank != 2) return invalid("logits: [rows, vocabulary]");
  Likeliest l = {.logits = logits.data, .width = (size_t)logits.dims[1]};
  TRY(output(context, 0, logits.dims, 1, &l.tokens));
  return for_each(context, likeliest_task, (size_t)logits.dims[0], (size_t)logits.dims[0] * l.width, &l);
}

static const char *likeliest_name(const OrtCustomOp *op) { return (void)op, "LikeliestTokens"; }
static size_t likeliest_inputs(const OrtCustomOp *op) { return (void)op, 1; }
static size_t likeliest_outputs(const OrtCustomOp *op) { return (void)op, 1; }
static int likeliest_input(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, ORT_FLOAT; }
static int likeliest_output(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, ORT_INT32; }

/* -- what they have in common --------------------------------------------------------------------------------------------------- */

static const char *provider(const OrtCustomOp *op) { return (void)op, (const char *)NULL; }
static int required(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, ORT_REQUIRED; }
static int default_memory(const OrtCustomOp *op, size_t index) { return (void)op, (void)index, 0; }

#define OPERATOR(name, create, compute, characteristic)                                                                  \
  {                                                                                                                      \
    .version = 16, .GetName = name##_name, .GetExecutionProviderType = provider, .GetInputType = name##_input,           \
    .GetInputTypeCount = name##_inputs, .GetOutputType = name##_output, .GetOutputTypeCount = name##_outputs,            \
    .KernelDestroy = free, .GetInputCharacteristic = characteristic, .GetOutputCharacteristic = required,                \
    .GetInputMemoryType = default_memory, .CreateKernelV2 = create, .KernelComputeV2 = compute                           \
  }

static const OrtCustomOp attention_operator =
    OPERATOR(attention, create_attention, compute_attention, attention_characteristic);
static const OrtCustomOp int8_attention_operator =
    OPERATOR(int8_attention, create_attention, compute_attention, attention_characteristic);
static const OrtCustomOp rows_operator = OPERATOR(rows, create_nothing, compute_rows, required);
static const OrtCustomOp normed_operator = OPERATOR(normed, create_normed, compute_normed, required);
static const OrtCustomOp gated_operator = OPERATOR(gated, create_gated, compute_gated, required);
static const OrtCustomOp likeliest_operator = OPERATOR(likeliest, create_nothing, compute_likeliest, required);
static const OrtCustomOp product_operator = OPERATOR(product, create_nothing, compute_product, product_characteristic);

/* Called by ONNX Runtime for each session that registers the library. The domain outlives them all. */
EXPORT OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base) {
  static OrtCustomOpDomain *domain;
  ort = base->GetApi(API_VERSION);
  if (!kernels) return invalid("sglang_use_kernels was not called, or found none");
  if (!domain) {
    OrtCustomOpDomain *made;
    TRY(ORT_CREATE_DOMAIN("sglang", &made));
    TRY(ORT_DOMAIN_ADD(made, &attention_operator));
    TRY(ORT_DOMAIN_ADD(made, &int8_attention_operator));
    TRY(ORT_DOMAIN_ADD(made, &rows_operator));
    TRY(ORT_DOMAIN_ADD(made, &normed_operator));
    TRY(ORT_DOMAIN_ADD(made, &gated_operator));
    TRY(ORT_DOMAIN_ADD(made, &product_operator));
    TRY(ORT_DOMAIN_ADD(made, &likeliest_operator));
    domain = made;
  }
  return ORT_ADD_DOMAIN(options, domain);
}

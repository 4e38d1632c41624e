/* What is computed, apart from ONNX Runtime; compiled once for each instruction set. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Lengths of heads are multiples of the first and at most the second; so many heads at most share their keys. */
enum { HEAD_DIM_STEP = 16, MAX_HEAD_DIM = 256, MAX_GROUP = 64 };

/* The longest row of a gated MLP. */
enum { MAX_GATED_WIDTH = 32768 };

/* Attention of new tokens over rows of keys and values, to which they are appended. */
typedef struct {
  size_t batch, tokens, heads, kv_heads, head_dim;
  /* Tokens that a row has room for. */
  size_t capacity;
  /* Distances between the tokens of each input, in elements. */
  size_t q_stride, kv_stride;
  const float *q, *k, *v;
  /* [batch] Tokens of each row with the new ones, less one. */
  const int32_t *seqlens;
  /* [batch + 1] Where the new tokens of each row begin among all of them; those of the next row follow. */
  const int32_t *starts;
  /* [positions, rotary_half]; null where nothing is rotated. */
  const float *cos, *sin;
  size_t rotary_half;
  float scale;
  /* 0: none. */
  float softcap;
  /* Tokens that one attends to, itself included; 0: all before it. */
  size_t window;
  /* [batch, kv_heads, capacity, head_dim], float, or int8 with a scale for each token of a head. */
  void *keys, *values;
  /* [batch, kv_heads, capacity]; null where keys and values are float. */
  float *key_scales, *value_scales;
  /* [tokens, heads, head_dim]; holds the queries, rotated and scaled, until they are answered. */
  float *out;
  /* Queries (a token's head each) of one task. */
  size_t task_rows;
} Attention;

static inline size_t new_tokens(const Attention *a, size_t batch) { return (size_t)(a->starts[batch + 1] - a->starts[batch]); }

typedef struct {
  size_t width;
  const float *x;
  uint8_t *rows;
  float *scales;
} Quantization;

/* x + residual through an RMS norm, as it is and in 8 bits around 128. */
typedef struct {
  size_t width;
  float epsilon;
  /* [rows, width] */
  const float *x, *residual;
  /* [width] */
  const float *weight;
  float *normed, *sum;
  uint8_t *rows;
  float *scales;
} Norming;

/* silu(gate) * up of rows, of which both are a product [rows, 2 * width] without the scale of its rows; turned, and in 8 bits. */
typedef struct {
  /* Both multiples of HEAD_DIM_STEP. Blocks are turned by a Hadamard matrix; 1: not at all. */
  size_t width, block;
  const float *product, *product_scales;
  uint8_t *rows;
  float *scales;
} Gating;

/* Columns of a panel of weights, and the most inputs of which sums have room in 32 bits. */
enum { PANEL = 64, MAX_DEPTH = 65536 };

/* x * weights, with a scale for each column, and for each row where there are some. */
typedef struct {
  /* The depth is a multiple of 4. */
  size_t rows, depth, width;
  /* [rows, depth], around 128. */
  const uint8_t *x;
  /* [panels, depth / 4, PANEL, 4]; zeros where the last panel goes beyond the width. */
  const int8_t *weights;
  const float *scales;
  /* [width] What the 128 adds to a column's sums. */
  const int32_t *zeros;
  /* [rows] and [width]; null where there are none. */
  const float *row_scales, *bias;
  float *out;
} Product;

typedef struct {
  /* Rotates the new tokens of one row's one key head and of its queries, and appends keys and values. */
  void (*append)(const Attention *, size_t batch, size_t kv_head);
  /* Answers the queries [first, first + count) of one row's one key head, counted token by token. */
  void (*attend)(const Attention *, size_t batch, size_t kv_head, size_t first, size_t count);
  /* A row in 8 bits around 128, with its scale. */
  void (*quantize)(const Quantization *, size_t row);
  void (*norm)(const Norming *, size_t row);
  void (*gate)(const Gating *, size_t row);
  /* The first index of the largest number; -1 where one is not a number, or all are -infinity. */
  int (*largest)(const float *row, size_t count);
  /* One panel's columns of rows [first, first + count); null where the processor has no instruction for it. */
  void (*product)(const Product *, size_t panel, size_t first, size_t count);
} Kernels;

/* Instruction sets: AVX2; AVX-512; AVX-512 with products of bytes. */
extern const Kernels kernels_v3, kernels_v4, kernels_v5;

void product_vnni(const Product *, size_t panel, size_t first, size_t count);

/*
 * Products of rows in 8 bits with weights in 8 bits. Sums are whole numbers, so that a row's result has the same bits in any batch.
 */
#include "kernels.h"
#include <immintrin.h>
#include <string.h>

#define UNROLL _Pragma("GCC unroll 8")

/* Columns of a register, registers of a panel, and rows whose sums fit into registers beside a panel's weights. */
enum { LANES = 16, WIDE = PANEL / LANES, ROWS = 6 };

static inline __attribute__((always_inline)) void tile(const Product *p, size_t panel, size_t first, int rows) {
  __m512i sums[ROWS][WIDE];
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < WIDE; i++) sums[row][i] = _mm512_setzero_si512();
  const int8_t *weights = p->weights + panel * p->depth * PANEL;
  const uint8_t *x = p->x + first * p->depth;
  for (size_t k = 0; k < p->depth; k += 4, weights += 4 * PANEL) {
    __m512i four[WIDE];
    UNROLL for (int i = 0; i < WIDE; i++) four[i] = _mm512_loadu_si512(weights + 4 * LANES * i);
    UNROLL for (int row = 0; row < rows; row++) {
      int32_t bytes;
      memcpy(&bytes, x + (size_t)row * p->depth + k, sizeof bytes);
      __m512i all = _mm512_set1_epi32(bytes);
      /* Around its own name for this instruction gcc 12 copies the sums to memory and back. */
      UNROLL for (int i = 0; i < WIDE; i++) __asm__("vpdpbusd %2, %1, %0" : "+v"(sums[row][i]) : "v"(all), "v"(four[i]));
    }
  }
  UNROLL for (int i = 0; i < WIDE; i++) {
    size_t column = panel * PANEL + i * LANES;
    if (column >= p->width) return;
    __mmask16 there = p->width - column < LANES ? (__mmask16)((1u << (p->width - column)) - 1) : 0xffff;
    __m512i zeros = _mm512_maskz_loadu_epi32(there, p->zeros + column);
    __m512 scales = _mm512_maskz_loadu_ps(there, p->scales + column);
    __m512 bias = p->bias ? _mm512_maskz_loadu_ps(there, p->bias + column) : _mm512_setzero_ps();
    UNROLL for (int row = 0; row < rows; row++) {
      __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums[row][i], zeros)) * scales;
      if (p->row_scales) value *= _mm512_set1_ps(p->row_scales[first + row]);
      if (p->bias) value += bias;
      _mm512_mask_storeu_ps(p->out + (first + row) * p->width + column, there, value);
    }
  }
}

/* One panel's columns of rows [first, first + count). */
void product_vnni(const Product *p, size_t panel, size_t first, size_t count) {
  for (; count >= ROWS; first += ROWS, count -= ROWS) tile(p, panel, first, ROWS);
  switch (count) {
    case 5: tile(p, panel, first, 5); break;
    case 4: tile(p, panel, first, 4); break;
    case 3: tile(p, panel, first, 3); break;
    case 2: tile(p, panel, first, 2); break;
    case 1: tile(p, panel, first, 1); break;
  }
}

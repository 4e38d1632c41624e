/*
 * Products of rows in 8 bits with weights in 8 bits. Sums are whole numbers, so that a row's result has the same bits in any batch.
 */
#include "kernels.h"
#include "vectors.h"

/* Rows whose sums fit into registers beside a panel's weights; and lines of memory that four rows of a panel fill. */
enum { ROWS = 6, LINES = 4 * PANEL / LINE };
_Static_assert((int)PANEL == WIDE * LANES, "a row of a panel is a row's registers of sums");

/* @param lines of the panel that follows that are asked for with each four rows of this one, from `ahead` on */
static inline __attribute__((always_inline)) void tile(
    const Product *p, size_t panel, size_t first, int rows, const int8_t *ahead, int lines) {
  Ints sums[ROWS][WIDE] = {};
  const int8_t *weights = p->weights + panel * p->depth * PANEL;
  const uint8_t *x = p->x + first * p->depth;
  for (size_t k = 0; k < p->depth; k += 4, weights += 4 * PANEL) {
    Ints four[WIDE];
    UNROLL for (int line = 0; line < lines; line++, ahead += LINE) __builtin_prefetch(ahead, 0, NEAR);
    UNROLL for (int i = 0; i < WIDE; i++) four[i] = (Ints)_mm512_loadu_si512(weights + 4 * LANES * i);
    UNROLL for (int row = 0; row < rows; row++) {
      Ints bytes = four_of(x + (size_t)row * p->depth + k);
      UNROLL for (int i = 0; i < WIDE; i++) add_products(&sums[row][i], bytes, four[i]);
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
      __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32((__m512i)sums[row][i], zeros)) * scales;
      if (p->row_scales) value *= _mm512_set1_ps(p->row_scales[first + row]);
      if (p->bias) value += bias;
      _mm512_mask_storeu_ps(p->out + (first + row) * p->width + column, there, value);
    }
  }
}

static inline __attribute__((always_inline)) void some_rows(
    const Product *p, size_t panel, size_t first, size_t count, const int8_t *ahead, int lines) {
  switch (count) {
    case 1: tile(p, panel, first, 1, ahead, lines); break;
    case 2: tile(p, panel, first, 2, ahead, lines); break;
    case 3: tile(p, panel, first, 3, ahead, lines); break;
    case 4: tile(p, panel, first, 4, ahead, lines); break;
    case 5: tile(p, panel, first, 5, ahead, lines); break;
    default: tile(p, panel, first, ROWS, ahead, lines);
  }
}

/*
 * One panel's columns of rows [first, first + count). The first rows wait for its weights to come from memory; those of the panel that
 * follows, which the same thread probably computes, come in two parts while the others are computed.
 */
void product_vnni(const Product *p, size_t panel, size_t first, size_t count) {
  size_t part = p->depth * PANEL / 2;
  const int8_t *ahead = p->weights + (panel + 1) * 2 * part;
  int parts = (panel + 1) * PANEL < p->width ? 2 : 0;
  some_rows(p, panel, first, count, NULL, 0);
  while (count > ROWS) {
    first += ROWS;
    count -= ROWS;
    if (parts == 0) some_rows(p, panel, first, count, NULL, 0);
    else some_rows(p, panel, first, count, ahead, LINES / 2), ahead += part, parts--;
  }
}

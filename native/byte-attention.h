/*
 * Attention's products over keys and values in 8 bits by an instruction that adds four products of bytes to each sum. Part of attention.c,
 * where the processor has it.
 */

/* Bytes of a register; parts of a head that are not as long are filled with zeros. */
enum { WIDTH = 4 * LANES };

/* The bytes [d, d + WIDTH) of a token of a block. */
static inline __attribute__((always_inline)) __m512i part_of(const int8_t *tokens, size_t token, size_t d, const Block *block) {
  if (token >= block->count) return _mm512_setzero_si512();
  const int8_t *from = tokens + token * block->dim + d;
  size_t left = block->dim - d;
  return left >= WIDTH ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(~0ull >> (WIDTH - left), from);
}

/* -- keys: a panel [dim / 4][BLOCK] of four bytes each ---------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) void byte_panel(Ints panel[][COLUMNS], const Block *block) {
  for (size_t column = 0; column < COLUMNS; column++)
    for (size_t d = 0; d < block->dim; d += WIDTH) {
      size_t fours = block->dim - d < WIDTH ? (block->dim - d) / 4 : LANES;
      Vector rows[LANES];
      UNROLL for (size_t i = 0; i < LANES; i++) rows[i] = (Vector)part_of(block->keys, column * LANES + i, d, block);
      transpose(rows);
      for (size_t i = 0; i < fours; i++) panel[d / 4 + i][column] = (Ints)rows[i];
    }
}

/* Scores of queries in bytes around 128, whose 128 adds `zeros` to each key's sum. */
static inline __attribute__((always_inline)) void score_bytes(
    Vector scores[][COLUMNS], uint8_t (*queries)[MAX_HEAD_DIM], const Ints panel[][COLUMNS], const Ints *zeros, Block *block, int rows) {
  Ints sums[TILE][COLUMNS];
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < COLUMNS; i++) sums[row][i] = -zeros[i];
  for (size_t d = 0; d < block->dim; d += 4) {
    ask(&block->ahead);
    UNROLL for (int row = 0; row < rows; row++) {
      Ints query = four_of(queries[row] + d);
      UNROLL for (int i = 0; i < COLUMNS; i++) add_products(&sums[row][i], query, panel[d / 4][i]);
    }
  }
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int i = 0; i < COLUMNS; i++) scores[row][i] = __builtin_convertvector(sums[row][i], Vector);
}

static inline __attribute__((always_inline)) void score_all_bytes(Scratch *s, Block *block, size_t rows) {
  Ints(*panel)[COLUMNS] = (Ints(*)[COLUMNS])s->panel, zeros[COLUMNS] = {};
  byte_panel(panel, block);
  for (size_t d = 0; d < block->dim; d += 4)
    UNROLL for (int i = 0; i < COLUMNS; i++) add_products(&zeros[i], (Ints)_mm512_set1_epi8((char)128), panel[d / 4][i]);
#define SCORE_BYTES(n) score_bytes(s->scores + row, s->queries + row, (const Ints(*)[COLUMNS])panel, zeros, block, n)
  EACH_TILE(rows, SCORE_BYTES)
}

/* -- values: panels [BLOCK / 4][WIDTH] of what four tokens have ----------------------------------------------------------------------- */

enum { FOURS = BLOCK / 4 };

/* Of each 16 bytes' place of a part come the first four elements, then the next. */
static inline __attribute__((always_inline)) void value_panel(__m512i panel[FOURS][4], size_t d, const Block *block) {
  for (size_t four = 0; four < FOURS; four++) {
    __m512i token[4];
    UNROLL for (size_t i = 0; i < 4; i++) token[i] = part_of(block->values, 4 * four + i, d, block);
    __m512i low = _mm512_unpacklo_epi8(token[0], token[1]), low_2 = _mm512_unpacklo_epi8(token[2], token[3]);
    __m512i high = _mm512_unpackhi_epi8(token[0], token[1]), high_2 = _mm512_unpackhi_epi8(token[2], token[3]);
    panel[four][0] = _mm512_unpacklo_epi16(low, low_2);
    panel[four][1] = _mm512_unpackhi_epi16(low, low_2);
    panel[four][2] = _mm512_unpacklo_epi16(high, high_2);
    panel[four][3] = _mm512_unpackhi_epi16(high, high_2);
  }
}

/* Sums of a panel's columns in the order of the elements. */
static inline __attribute__((always_inline)) void in_order(Ints sums[4]) {
  __m512i low = _mm512_shuffle_i32x4((__m512i)sums[0], (__m512i)sums[1], 0x44), high = _mm512_shuffle_i32x4((__m512i)sums[0], (__m512i)sums[1], 0xee);
  __m512i low_2 = _mm512_shuffle_i32x4((__m512i)sums[2], (__m512i)sums[3], 0x44), high_2 = _mm512_shuffle_i32x4((__m512i)sums[2], (__m512i)sums[3], 0xee);
  sums[0] = (Ints)_mm512_shuffle_i32x4(low, low_2, 0x88);
  sums[1] = (Ints)_mm512_shuffle_i32x4(low, low_2, 0xdd);
  sums[2] = (Ints)_mm512_shuffle_i32x4(high, high_2, 0x88);
  sums[3] = (Ints)_mm512_shuffle_i32x4(high, high_2, 0xdd);
}

/* Adds the values of a panel, as often as their weights say, to sums of `rows` queries. */
static inline __attribute__((always_inline)) void add_bytes(
    float *to, uint8_t (*weights)[BLOCK], const float *scales, __m512i (*panel)[4], size_t width, Block *block, int rows) {
  Ints sums[TILE][4] = {};
  for (size_t four = 0; four < FOURS; four++) {
    ask(&block->ahead);
    UNROLL for (int row = 0; row < rows; row++) {
      Ints weight = four_of(weights[row] + 4 * four);
      UNROLL for (int i = 0; i < 4; i++) add_products(&sums[row][i], weight, (Ints)panel[four][i]);
    }
  }
  UNROLL for (int row = 0; row < rows; row++) {
    in_order(sums[row]);
    UNROLL for (int i = 0; i < 4; i++) {
      float *at = to + (size_t)row * block->dim + i * LANES;
      if ((size_t)i * LANES < width) store(at, load(at) + __builtin_convertvector(sums[row][i], Vector) * scales[row]);
    }
  }
}

static inline __attribute__((always_inline)) void add_all_bytes(Scratch *s, Block *block, size_t rows) {
  __m512i(*panel)[4] = (__m512i(*)[4])s->panel;
  for (size_t d = 0; d < block->dim; d += WIDTH) {
    value_panel(panel, d, block);
#define ADD_BYTES(n) add_bytes(s->sums + row * block->dim + d, s->weights + row, s->weight_scales + row, panel, block->dim - d, block, n)
    EACH_TILE(rows, ADD_BYTES)
  }
}

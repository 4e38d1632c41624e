/* Vectors of an instruction set, and numbers in 8 bits. */
#pragma once
#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
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

/* Bytes of a line of memory; and what asks for one into the second cache, because those of the first are needed meanwhile. */
enum { LINE = 64, NEAR = 2 };

/* Sums stay in registers only where the loops over them are gone. */
#define UNROLL _Pragma("GCC unroll 16")

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

/* Of two the larger; the second where one is not a number. */
static inline Vector larger(Vector a, Vector b) {
#ifdef __AVX512F__
  return (Vector)_mm512_max_ps((__m512)a, (__m512)b);
#else
  return (Vector)_mm256_max_ps((__m256)a, (__m256)b);
#endif
}

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

#ifdef __AVX512VNNI__
/* Four products of bytes are added to each sum. Around its own name for this instruction gcc 12 copies the sums to memory and back. */
static inline __attribute__((always_inline)) void add_products(Ints *sum, Ints unsigned_bytes, Ints signed_bytes) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(unsigned_bytes), "v"(signed_bytes));
}

/* The same four bytes in each lane. */
static inline Ints four_of(const uint8_t *bytes) {
  int32_t four;
  memcpy(&four, bytes, sizeof four);
  return four - (Ints){};
}
#endif

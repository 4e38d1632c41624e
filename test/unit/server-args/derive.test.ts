import fc from 'fast-check';

import {
  defaultChunkedPrefillSize,
  defaultCudaGraphBs,
  defaultCudaGraphMaxBs,
  defaultMemFractionStatic,
  limitToRunningRequests,
} from '../../../src/server-args/derive';

const cuda = (memoryMiB: number | null) => ({ device: 'cuda', memoryMiB }) as const;

test.each([
  [8_000, 2048, 8],
  [20_480, 2048, 24],
  [35_840, 4096, 32],
  [61_440, 8192, 256],
  [92_160, 8192, 256],
  [163_840, 16384, 512],
  [null, 4096, 160],
])('a GPU of %s MiB: chunks of %i, at most %i in a batch', (memory, chunk, maxBs) => {
  expect(defaultChunkedPrefillSize(cuda(memory), 1)).toBe(chunk);
  expect(defaultCudaGraphMaxBs(cuda(memory))).toBe(maxBs);
});

test('the default chunk is a positive multiple of the page size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), (pageSize) => {
      const size = defaultChunkedPrefillSize({ device: 'cpu' }, pageSize);
      expect(size % pageSize).toBe(0);
      expect(size).toBeGreaterThan(0);
      expect(size).toBeLessThanOrEqual(Math.max(256, pageSize));
    }),
  );
});

test.each([
  [1, [1]],
  [4, [1, 2, 4]],
  [8, [1, 2, 4, 8]],
  [24, [1, 2, 4, 8, 12, 16, 24]],
])('captured sizes up to %i', (max, sizes) => {
  expect(defaultCudaGraphBs(max, false)).toEqual(sizes);
});

test('captured sizes widen at 256 and 512', () => {
  const sizes = defaultCudaGraphBs(600, false);
  expect(sizes.slice(4, 8)).toEqual([12, 16, 24, 32]);
  expect(sizes.filter((size) => size > 240 && size < 310)).toEqual([248, 256, 272, 288, 304]);
  expect(sizes.slice(-4)).toEqual([496, 512, 544, 576]);
});

test('without padding every size is captured', () => {
  expect(defaultCudaGraphBs(5, true)).toEqual([1, 2, 3, 4, 5]);
});

test.each([
  [null, [1, 2, 4, 8]],
  [128, [1, 2, 4, 8]],
  [8, [1, 2, 4, 8]],
  [6, [1, 2, 4, 6]],
  [4, [1, 2, 4]],
  [1, [1]],
])('with at most %s running requests', (limit, sizes) => {
  expect(limitToRunningRequests([1, 2, 4, 8], limit)).toEqual(sizes);
});

test('the share of memory', () => {
  expect(defaultMemFractionStatic({ device: 'cpu' }, 256, 8)).toBe(0.5);
  expect(defaultMemFractionStatic(cuda(null), 4096, 160)).toBe(0.88);
  // 512 + 1.5 · 2048 + 2 · 8 + 128 = 3728 MiB are kept free of 16,000.
  expect(defaultMemFractionStatic(cuda(16_000), 2048, 8)).toBe(0.767);
  // At least 10,240 MiB of a large GPU.
  expect(defaultMemFractionStatic(cuda(81_920), 2048, 8)).toBe(0.875);
  // 512 + 1.5 · 16384 + 2 · 512 + 128 = 26,240 MiB of 143,000.
  expect(defaultMemFractionStatic(cuda(143_000), 16_384, 512)).toBe(0.817);
  expect(defaultMemFractionStatic(cuda(2_000), 2048, 8)).toBe(0.1);
});

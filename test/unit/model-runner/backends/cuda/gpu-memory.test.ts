import { GpuMemory, rowStride } from '../../../../../src/model-runner/backends/cuda/gpu-memory';
import { planMemory } from '../../../../../src/model-runner/memory-plan';

const GB = 2 ** 30;
/** 12 KiB a token: a 0.5B model. */
const SHAPE = { numLayers: 24, numKvHeads: 2, headDim: 64 };
const ARGS = {
  dpSize: 1,
  memFractionStatic: 0.9,
  maxTotalTokens: null,
  maxRunningRequests: null,
  pageSize: 1,
};

/** A GPU of so many bytes of which `weights` are taken once the budget is made. */
function gpu(total: number, weights: number, fraction = 0.9): GpuMemory {
  let free = total;
  const memory = new GpuMemory({ memory: () => ({ free, total }) }, fraction);
  free -= weights;
  return memory;
}

it('takes the static share of what was free at the start, less the weights', () => {
  const memory = gpu(80 * GB, 1 * GB);
  expect(memory.cacheBytes()).toBe(Math.floor(79 * GB - 80 * GB * (1 - 0.9)));
  expect(memory.usedBytes()).toBe(1 * GB);
  expect(gpu(10 * GB, 9.5 * GB).cacheBytes()).toBe(0);
});

it.each([
  [80, 1, 32_768, 4096],
  [80, 1, 2048, 4096],
  [16, 1, 32_768, 4096],
  [4, 1, 32_768, 1024],
])('plans rows and arena of a GPU of %i GB that fit together', (total, weights, contextLen) => {
  const memory = gpu(total * GB, weights * GB);
  const plan = planMemory(SHAPE, contextLen, ARGS, memory);
  const token = 12 * 1024;
  const taken = token * (plan.maxTotalNumTokens + plan.maxRunningRequests * rowStride(plan.maxReqLen));
  expect(taken).toBeLessThanOrEqual(memory.cacheBytes());
  expect(plan.maxRunningRequests).toBeGreaterThanOrEqual(1);
  expect(plan.maxRunningRequests).toBeLessThanOrEqual(256);
});

it('leaves a place behind the last token of a row', () => {
  expect([1, 7, 8, 15, 16].map(rowStride)).toEqual([8, 8, 16, 16, 24]);
});

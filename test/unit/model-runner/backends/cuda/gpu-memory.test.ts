import { GpuMemory } from '../../../../../src/model-runner/backends/cuda/gpu-memory';
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
  [80, 1, 32_768, 262_144],
  [80, 1, 2048, 262_144],
  [4, 1, 32_768, 227_072],
])(
  'plans a GPU of %i GB: a token takes its bytes once, and rows take none',
  (total, weights, contextLen, tokens) => {
    const memory = gpu(total * GB, weights * GB);
    const plan = planMemory(SHAPE, contextLen, { ...ARGS, pageSize: 256 }, memory);
    expect(plan.maxTotalNumTokens).toBe(tokens);
    expect(tokens * 12 * 1024).toBeLessThanOrEqual(memory.cacheBytes());
    expect(plan.maxRunningRequests).toBe(256);
  },
);

it('lets as many run as there are pages', () => {
  const args = { ...ARGS, pageSize: 256, maxTotalTokens: 3000 };
  expect(planMemory(SHAPE, 2048, args, gpu(80 * GB, GB))).toMatchObject({
    maxTotalNumTokens: 2816,
    maxRunningRequests: 11,
  });
});

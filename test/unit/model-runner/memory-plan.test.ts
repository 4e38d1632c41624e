import { StartupError } from '../../../src/core/errors';
import { logger } from '../../../src/logging/logger';
import { CpuBackend } from '../../../src/model-runner/backends/cpu/cpu-backend';
import { planMemory } from '../../../src/model-runner/memory-plan';

const SHAPE = { numLayers: 2, numKvHeads: 2, headDim: 8 };
/** Row and cache: 2 layers × 2 heads × 8 × (K and V) × 4 bytes, twice. */
const TOKEN_BYTES = 512;
const ARGS = {
  dpSize: 1,
  memFractionStatic: 0.5,
  maxTotalTokens: null,
  maxRunningRequests: null,
  pageSize: 1,
};

const budget = (bytes: number) => ({ ...new CpuBackend().memory, freeBytes: () => bytes });
const plan = (args: Partial<typeof ARGS> | Record<string, unknown>, tokensOfMemory = 10_000, context = 512) =>
  planMemory(SHAPE, context, { ...ARGS, ...args }, budget(2 * tokensOfMemory * TOKEN_BYTES));

let warnings: string[];
beforeEach(() => {
  warnings = [];
  jest.spyOn(logger, 'log').mockImplementation((...parts: unknown[]) => {
    warnings.push(String(parts[1]));
    return logger;
  });
});
afterEach(() => jest.restoreAllMocks());

it('takes the share of the memory that it is given', () => {
  expect(plan({})).toEqual({
    maxTotalNumTokens: 10_000,
    maxRunningRequests: 64,
    maxReqLen: 511,
    maxReqInputLen: 506,
  });
});

it('takes no more than it is asked for, nor than there is', () => {
  expect(plan({ maxTotalTokens: 300 })).toMatchObject({
    maxTotalNumTokens: 300,
    maxReqLen: 299,
    maxReqInputLen: 294,
  });
  expect(warnings).toEqual([]);
  expect(plan({ maxTotalTokens: 20_000 }).maxTotalNumTokens).toBe(10_000);
  expect(warnings[0]).toMatch(/max_total_tokens=20000 is larger than the profiled value 10000/);
});

it('gives each of several runners its part of what is asked for in all', () => {
  expect(plan({ dpSize: 3, maxTotalTokens: 1000 }).maxTotalNumTokens).toBe(333);
  expect(plan({ dpSize: 4 }, 10 ** 7).maxTotalNumTokens).toBe(65_536);
  expect(warnings).toEqual([]);
});

it('rounds down to whole pages', () => {
  expect(plan({ pageSize: 16, maxTotalTokens: 300 }).maxTotalNumTokens).toBe(288);
});

it('reserves rows for what is asked, or what the tokens suffice for', () => {
  expect(plan({ maxRunningRequests: 200 }).maxRunningRequests).toBe(200);
  expect(plan({ maxTotalTokens: 20 }).maxRunningRequests).toBe(10);
});

it('bounds the buffers of many long rows', () => {
  const wide = { numLayers: 1, numKvHeads: 8, headDim: 128 };
  const { maxRunningRequests } = planMemory(
    wide,
    131_072,
    { ...ARGS, maxTotalTokens: 200_000 },
    budget(2 ** 40),
  );
  expect(maxRunningRequests * 8 * 131_071 * 128 * 4).toBeLessThan(4 * 2 ** 30);
  expect(maxRunningRequests).toBeGreaterThan(0);
  expect(warnings).toEqual([
    expect.stringContaining(`max_running_requests=64 is lowered to ${maxRunningRequests}`),
  ]);
});

it('says what to do when nothing fits', () => {
  expect(() => plan({}, 0)).toThrow(/Not enough memory. Please try to increase --mem-fraction-static/);
  expect(() => plan({ maxTotalTokens: 5 })).toThrow(StartupError);
  expect(() => plan({ maxTotalTokens: 100, pageSize: 256 })).toThrow(
    '--max-total-tokens leaves room for 100 tokens, which is less than a page: raise it, or lower --page-size (256).',
  );
});

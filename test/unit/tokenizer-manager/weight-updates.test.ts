import {
  DEFAULT_GENERATE_REQUEST,
  TokenizerManager,
  type WeightUpdate,
} from '../../../src/tokenizer-manager';
import { captureLog } from '../capture-log';
import { logger } from '../../../src/logging/logger';
import { FakeScheduler } from './fake-scheduler';
import { FACTS, InlineTokenizer, makeArgs } from './fixtures';

/** Several schedulers: all or none. With one, and as clients see it: test/unit/http/weights.test.ts. */

const ORDER: WeightUpdate = {
  modelPath: 'other',
  loadFormat: null,
  abortAllRequests: false,
  weightVersion: 'two',
  keepPause: false,
  flushCache: true,
  tokenStep: 0,
};
const NOBODY = new AbortController().signal;

function setUp() {
  const schedulers = [new FakeScheduler(0), new FakeScheduler(1)] as const;
  const manager = new TokenizerManager({
    args: makeArgs({ dpSize: 2 }),
    facts: FACTS,
    tokenizer: new InlineTokenizer(),
    toSchedulers: schedulers,
    findModelDir: () => Promise.resolve('/other'),
  });
  for (const each of schedulers) each.deliver = (message) => manager.handle(message);
  const types = () => schedulers.map(({ received }) => received.map(({ type }) => type));
  return { manager, schedulers, types };
}

beforeEach(() => {
  captureLog();
  jest.spyOn(logger, 'info').mockReturnValue(logger);
});
afterEach(() => jest.restoreAllMocks());

it('swaps nowhere where one of them cannot load', async () => {
  const { manager, schedulers, types } = setUp();
  schedulers[1].weightsFailure = 'Failed to update weights: no.';
  expect(await manager.weights.update(ORDER)).toEqual({
    success: false,
    message: 'Failed to update weights: no.',
    pausedRequests: 0,
  });
  expect(types()).toEqual([
    ['load_weights', 'drop_weights'],
    ['load_weights', 'drop_weights'],
  ]);
  expect(manager.served).toMatchObject({ weightVersion: 'default', updates: 0 });
});

it('swaps in all once all have loaded, and only then lets requests in', async () => {
  const { manager, types } = setUp();
  const update = manager.weights.update(ORDER);
  expect((await update).success).toBe(true);
  expect(types()).toEqual([
    ['load_weights', 'swap_weights'],
    ['load_weights', 'swap_weights'],
  ]);
  expect(manager.served).toMatchObject({ weightVersion: 'two', modelPath: 'other', modelDir: '/other' });
});

it('releases in none where one of them has requests still', async () => {
  const { manager, schedulers, types } = setUp();
  schedulers[1].isBusy = true;
  await expect(manager.weights.release(['kv_cache'])).rejects.toThrow('Requests run or wait');
  expect(new Set(types()[0])).toEqual(new Set(['release_memory', 'resume_memory']));
  expect(types()[0]?.at(-1)).toBe('resume_memory');
  expect(manager.weights.isReleased).toBe(false);
  const job = await manager.generate(
    { ...DEFAULT_GENERATE_REQUEST, text: 'x', samplingParams: { max_new_tokens: 1 } },
    NOBODY,
  );
  expect(await job.results()).toHaveLength(1);
});

it('tells those who are held when the server fails', async () => {
  const { manager, schedulers } = setUp();
  for (const each of schedulers) each.isHolding = true;
  const request = { ...DEFAULT_GENERATE_REQUEST, text: 'x', samplingParams: { max_new_tokens: 1 } };
  await manager.generate(request, NOBODY);
  const update = manager.weights.update(ORDER);
  await schedulers[1].until('load_weights');
  await new Promise((resolve) => setTimeout(resolve, 50));
  const held = manager.generate(request, NOBODY);
  manager.failAll('The server has failed and stops.');
  await expect(held).rejects.toThrow('The server has failed and stops.');
  void update;
});

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { logger } from '../../src/logging/logger';
import { Engine, CHECKPOINTS } from './support';

/** Requests that end otherwise than by their own tokens: in their text, as the detokenizer says, or by an error. */

let engine: Engine;
beforeAll(async () => void (engine = await Engine.start(join(CHECKPOINTS, 'random-qwen2'))));
afterAll(() => engine.close());

test('the end of a request that runs frees its row', async () => {
  // With a stop every token is sent at once.
  void engine.generate({
    rid: 'a',
    prompt: [5, 6],
    sampling: { maxNewTokens: 1900 },
    decode: { stop: ['x'] },
  });
  while (engine.scheduler.state.running === 0) await sleep(1);
  const { forwardCount } = engine.scheduler.state;
  while (engine.scheduler.state.forwardCount < forwardCount + 2) await sleep(1);
  engine.scheduler.receive({ type: 'stopped', rid: 'a' });
  const { forwardCount: atStop } = engine.scheduler.state;
  while (engine.scheduler.state.running > 0) await sleep(1);
  expect(engine.scheduler.state.forwardCount - atStop).toBeLessThan(100);
});

test('the end of an earlier request does not end one of the same name that has overtaken it', async () => {
  const later = engine.generate({ rid: 'b', prompt: [5, 6], sampling: { maxNewTokens: 3 } });
  engine.scheduler.receive({ type: 'stopped', rid: 'b' });
  expect((await later).ids).toHaveLength(3);
});

describe('what a request computed', () => {
  const prompt = Array.from({ length: 40 }, (_, i) => 7 + i);
  const ask = (more: object = {}) => engine.generate({ prompt, sampling: { maxNewTokens: 2 }, ...more });

  beforeEach(async () => {
    jest.spyOn(logger, 'error').mockReturnValue(logger);
    await engine.call({ type: 'flush_cache' });
  });
  afterEach(() => jest.restoreAllMocks());

  test('stays cached when only its token could not be reported', async () => {
    const impossible = { startLen: -1, topNum: 0, tokenIds: [1_000_000] };
    expect((await ask({ logprobs: impossible })).finish).toMatchObject({ status_code: 500 });
    expect((await ask()).cachedTokens).toBe(39);
  });

  test('does not when the computation failed', async () => {
    const { runner } = engine.model;
    jest.spyOn(runner, 'extend').mockRejectedValueOnce(new Error('no memory'));
    expect((await ask()).finish).toMatchObject({ status_code: 500 });
    expect((await ask()).cachedTokens).toBe(0);
  });
});

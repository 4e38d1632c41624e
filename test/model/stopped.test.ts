import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Engine, CHECKPOINTS } from './support';

/** Requests that end in their text: the detokenizer tells the scheduler so. */

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

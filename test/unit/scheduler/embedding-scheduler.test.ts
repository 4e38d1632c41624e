import { NO_METRICS } from '../../../src/metrics/recorder';
import type { VectorOutput } from '../../../src/ipc/messages';
import { EmbeddingScheduler } from '../../../src/scheduler/embedding/embedding-scheduler';
import { captureLog } from '../capture-log';
import { logger } from '../../../src/logging/logger';

afterEach(() => jest.restoreAllMocks());

const unused = () => {
  throw new Error('nobody asked for weights');
};
const NO_WEIGHTS = {
  load: unused,
  swap: unused,
  drop: unused,
  read: unused,
  release: unused,
  resume: unused,
};

test('a vector of NaN, and a batch that fails, end as errors of their own requests; the others go on', async () => {
  captureLog();
  const errors = jest.spyOn(logger, 'error').mockReturnValue(logger);
  const outputs = new Map<string, VectorOutput>();
  let told: () => void = () => undefined;
  const scheduler = new EmbeddingScheduler({
    embed: async (prompts) => {
      if (prompts.some(({ ids: [id] }) => id === 13)) throw new Error('no luck');
      return prompts.map(({ ids: [id] }) => (id === 7 ? null : Float32Array.of(id ?? 0)));
    },
    limits: { tokens: 2, prompts: 2, padding: 0.25, computesPadding: true },
    maxQueued: null,
    waitingMs: Infinity,
    send: (sent) => {
      for (const output of sent) outputs.set(output.rid, output);
      if (outputs.size === 4) told();
    },
    reply: () => undefined,
    weights: NO_WEIGHTS,
    experts: null,
    memoryUse: { weightBytes: 0, kvCacheBytes: 0, graphBytes: 0 },
    metrics: NO_METRICS,
    logTimes: false,
    afterBatch: () => undefined,
  });
  const all = new Promise<void>((resolve) => (told = resolve));
  const running = scheduler.run();
  for (const [rid, id] of Object.entries({ sound: 5, void: 7, failing: 13, last: 6 })) {
    scheduler.receive({ type: 'embed', trace: null, rid, pairAt: null, inputIds: Int32Array.of(id) });
  }
  await all;
  scheduler.stop();
  await running;
  expect(outputs.get('sound')).toMatchObject({ vector: Float32Array.of(5), finish: { type: 'length' } });
  expect(outputs.get('void')).toMatchObject({
    vector: null,
    finish: { type: 'abort', message: 'NaN happened', status_code: 500 },
  });
  expect(outputs.get('failing')?.finish).toMatchObject({
    message: 'The forward pass failed: no luck',
    status_code: 500,
  });
  expect(errors).toHaveBeenCalledWith(expect.stringContaining('Request void met NaN'));
});

import { logger } from '../../../../src/logging/logger';
import { BatchLog } from '../../../../src/scheduler/generation/batch-log';

const gauges = { running: 4, queued: 0, usedTokens: 10, totalTokens: 100 };

it.each([
  ['True', 4],
  ['False', 3],
  ['False', 0],
])('says %s of a batch of four when batches up to %i were captured', (said, largest) => {
  const info = jest.spyOn(logger, 'info').mockReturnValue(logger);
  new BatchLog('cpu graph', 1, largest).decode(gauges);
  expect(info.mock.calls).toEqual([[expect.stringContaining(`cpu graph: ${said}, gen throughput`)]]);
  info.mockRestore();
});

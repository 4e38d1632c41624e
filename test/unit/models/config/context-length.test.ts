import { StartupError } from '../../../../src/core/errors';
import { deriveContextLen } from '../../../../src/models/config/context-length';
import { logger } from '../../../../src/logging/logger';

const config = { contextLen: 512 };
const ALLOW = 'SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN';

test('is the model’s own unless a shorter one is asked for', () => {
  expect(deriveContextLen(config, null, {})).toBe(512);
  expect(deriveContextLen(config, 512, {})).toBe(512);
  expect(deriveContextLen(config, 100, {})).toBe(100);
});

test('a longer one is refused, with the way to allow it', () => {
  for (const env of [{}, { [ALLOW]: '0' }, { [ALLOW]: 'false' }, { [ALLOW]: '' }]) {
    const act = () => deriveContextLen(config, 513, env);
    expect(act).toThrow(StartupError);
    expect(act).toThrow(
      /^User-specified context_length \(513\) is greater than the derived context_length \(512\)\. .* To allow overriding this maximum, set the env var SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN=1$/,
    );
  }
});

test('a longer one is allowed by the environment, with a warning', () => {
  const log = jest.spyOn(logger, 'log').mockReturnValue(logger);
  for (const value of ['1', 'true', 'True']) {
    expect(deriveContextLen(config, 4096, { [ALLOW]: value })).toBe(4096);
  }
  expect(log).toHaveBeenCalledTimes(3);
  expect(log).toHaveBeenCalledWith('warning', expect.stringContaining('context_length (4096) is greater'));
  log.mockRestore();
});

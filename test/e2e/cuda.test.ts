import { StartupError } from '../../src/core/errors';
import { openGpu } from '../../src/model-runner/backends/cuda/cuda-backend';
import { start } from './harness';

/** Why --device cuda cannot be used here; null where it can. */
function whyNot(): string | null {
  try {
    openGpu(0);
    return null;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return error.message;
  }
}

const reason = whyNot();

(reason === null ? test.skip : test)(
  'where CUDA cannot be used the server ends with a line that says why, and nobody stays',
  async () => {
    const server = await start(['--device', 'cuda', '--max-total-tokens', '100']);
    expect(await server.exit()).toBe(1);
    expect(server.stderr.split('\n').filter((line) => line.includes('--device cuda'))).toHaveLength(1);
    expect(server.stderr).toContain(reason);
    await server.gone();
  },
);

import { StartupError } from '../src/core/errors';
import { ortEnv } from '../src/onnxruntime/environment';
import { ortLibrary } from '../src/onnxruntime/library';
import { appendProvider } from '../src/onnxruntime/providers';

/** Why there is no device; null where there is one. A software device will do: jest.config.cjs looks for its driver. */
function whyNot(): string | null {
  ortEnv();
  const options = ortLibrary().create('CreateSessionOptions');
  try {
    appendProvider(options, { name: 'webgpu', hostNodes: [] });
    return null;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return error.message;
  } finally {
    ortLibrary().release('ReleaseSessionOptions', options);
  }
}

/** `describe`, or a skipped one with a notice where no device is to be had. */
export function describeOnWebGpu(name: string, tests: () => void): void {
  const reason = whyNot();
  if (reason === null) return describe(name, tests);
  process.stderr.write(`skipped: ${name} (${reason})\n`);
  describe.skip(name, () => it('needs a device', () => undefined));
}
